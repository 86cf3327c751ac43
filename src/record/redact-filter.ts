/**
 * The filter in front of the rules: says of almost every clean text that it is clean, and costs little. Five looks,
 * each at 400 to 1,700 MB/s on real transcripts (Node 20, 2 shared cores); the rules look closely at the rest, about
 * one transcript line in twenty.
 */
export function suspicious(text: string): boolean {
  return (
    assignment.test(text) ||
    credentials.test(text) ||
    words.test(text) ||
    hasToken(text) ||
    hasFortyAlone(text)
  );
}

/** A name of a secret with a sign behind it. */
const assignment =
  /(?:pass(?:word|wd|phrase)?|pwd|secret|token|key|auth(?:orization)?|credentials?|_string|nstring|keyid|cookie)(?:_[A-Z0-9]{1,20}){0,2}[\\"']{0,9}\s{0,4}(?:[:=]|%3D)/i;

/** `://user:password@` */
const credentials = /:(?:\/\/|\\\/\\\/)[^\s/:@"'\\<>[\]]{0,100}:[^\s/@"'\\<>]{1,200}@/;

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** What announces a secret, or stands in the middle of one. */
const words =
  /earer[\s%+]|EARER |asic |PRIVATE KEY|ks\.slack|\/webhooks|sig=|Q~|\.atlasv1|--[a-z-]{0,20}(?:password|passwd|token|secret|api-key)/;

/** How a token begins, behind what an escape, a colour code or a percent-encoded byte may leave in front of it. */
const prefixes =
  /^(?:[nrtbf]|\d{0,3}m|[0-9A-F]{2})?(?:A(?:KIA|SIA|BIA|CCA)[A-Z0-9]|gh[pousr]_|github_pat_|gl[a-z]{1,5}[-_]|xox|xapp-|[sr]k_(?:live|test)_|whsec_|sk-|AIza|GOCSPX-|ya29|eyJ|hf_|api_org_|npm_|pypi-|SG\.|(?:AC|SK)[0-9a-f]{32}|AA|do[opr]_v1_|dapi|lin_|secret_|ntn_|(?:pub)?key-|HRKU|shp[a-z]{2}_|dckr_|hv[sbr]\.|gsk_|pplx-|r8_|xai-|sntry|sb[p_]|nvapi-|rubygems_|figd_|PMAK|pscale_|ATATT3|sq0|EAAA|NRAK|dp\.|pat[A-Za-z0-9]{14}\.|lsv2_|pul-|tskey-|nfp_|AGE-SECRET|[MNO][\w-]{23,27}\.[\w-]{6}\.)/;

/** The first two letters of every beginning that {@link prefixes} knows: one look decides most runs. */
const pairs = pairTable(
  "AK AS AB AC gh gi gl xo xa sk rk wh AI GO ya ey hf ap np py SG SK AA do da li se nt pu ke HR sh dc hv gs pp r8 sn sb nv ru fi PM ps AT sq EA NR dp pa ls ts nf AG",
);

function pairTable(list: string): Uint8Array {
  const table = new Uint8Array(128 * 128);
  const mark = (first: string, second: string) => {
    table[first.charCodeAt(0) * 128 + second.charCodeAt(0)] = 1;
  };
  for (const pair of list.split(" ")) {
    mark(pair.charAt(0), pair.charAt(1));
    for (const letter of "nrtbfm") mark(letter, pair.charAt(0));
  }
  for (const letter of "MNO") for (const next of alphanumeric) mark(letter, next);
  for (const letter of "nrtbfm") for (const next of "MNO") mark(letter, next);
  for (const digit of "0123456789ABCDEF") for (const next of "0123456789ABCDEFm") mark(digit, next);
  return table;
}

function letterTable(letters: string): Uint8Array {
  const table = new Uint8Array(128);
  for (const letter of letters) table[letter.charCodeAt(0)] = 1;
  return table;
}

const tokenLetters = letterTable(`${alphanumeric}_-.`);
const base64Letters = letterTable(`${alphanumeric}/+`);

/** Runs of 20 or more letters of a token: looks at every 20th character and walks back, so most text is skipped. */
function hasToken(text: string): boolean {
  const length = text.length;
  let at = 19;
  while (at < length) {
    let from = at;
    const low = at - 20;
    while (from > low && tokenLetters[text.charCodeAt(from)] === 1) from--;
    if (from > low) {
      at = from + 20;
      continue;
    }
    while (from >= 0 && tokenLetters[text.charCodeAt(from)] === 1) from--;
    const pair = text.charCodeAt(from + 1) * 128 + text.charCodeAt(from + 2);
    if (pairs[pair] === 1 && prefixes.test(text.slice(from + 1, from + 64))) return true;
    let to = at + 1;
    while (to < length && tokenLetters[text.charCodeAt(to)] === 1) to++;
    at = to + 20;
  }
  return false;
}

/** Exactly forty letters of base64, or one more where an escape stands in front: an AWS secret key looks like that. */
function hasFortyAlone(text: string): boolean {
  const length = text.length;
  let at = 39;
  while (at < length) {
    let from = at;
    const low = at - 40;
    while (from > low && base64Letters[text.charCodeAt(from)] === 1) from--;
    if (from > low) {
      at = from + 40;
      continue;
    }
    let to = at + 1;
    while (to < length && base64Letters[text.charCodeAt(to)] === 1) to++;
    while (from >= 0 && base64Letters[text.charCodeAt(from)] === 1) from--;
    const run = text.slice(from + 1, to);
    const alone = run.length === 40 || (run.length === 41 && text.charCodeAt(from) === 92);
    if (alone && /\d/.test(run) && /[A-Z]/.test(run) && /[a-z]/.test(run)) return true;
    at = to + 40;
  }
  return false;
}
