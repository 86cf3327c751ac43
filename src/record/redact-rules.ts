/**
 * The shapes of secrets that Loci knows. Each pattern is linear in its input: a token is a fixed prefix and one
 * bounded run of a class, and composite shapes begin at a boundary, so that hostile text cannot make it start over
 * (test/record/redact.test.ts runs every rule on a megabyte made against it).
 *
 * What a pattern matches is replaced by `[redacted:<name>]`, except a group named `keep`, which stays in place.
 */
export interface RedactionRule {
  /** What the marker and the counts call it. */
  readonly name: string;
  readonly pattern: RegExp;
  /** Texts of which one must be there for the pattern to be tried at all. */
  readonly hints?: readonly string[];
  /** A second look at what was matched, without what is kept: false leaves it. */
  readonly accept?: (secret: string, kept: string) => boolean;
}

// A token may begin here: not inside a word, where the letter of an escape (`\n`), the end of a percent-encoded byte
// and the end of a colour code do not count as one.
const begin = String.raw`(?<![A-Za-z0-9_-](?<!\\[nrtbf]|%[0-9A-Fa-f]{2}|\[\d{0,3}m))`;
const end = "(?![A-Za-z0-9])";

function token(name: string, hints: readonly string[], source: string): RedactionRule {
  return { name, pattern: new RegExp(source, "g"), hints };
}

function checked(rule: RedactionRule, accept: NonNullable<RedactionRule["accept"]>): RedactionRule {
  return { ...rule, accept };
}

const names = [
  "pass(?:word|wd|phrase)|pwd|secret|client_?secret|api_?key|(?:access|refresh|auth|id|session|bearer)_?token",
  "(?:proxy-)?authorization|private_?key(?:_?id)?|secret_?(?:access_?)?key|x-api-key|set-cookie|aws_?session_?token",
  "(?:signing|encryption|master|webhook)_?(?:key|secret)|connection_?string|account_?key|credentials?",
].join("|");

/** Names of fields whose value is a secret whatever it looks like: in JSON, and as keys of values in memory. */
export const secretName: RegExp = new RegExp(`^(?:${names})$`, "i");

const quote = String.raw`\\{0,7}["']`;
const keyword = [
  "pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|authorization|_auth",
  "(?:api|access|secret|private|auth|encryption|signing|master|account|storage|deploy|license|app|service)[_-]?key",
  "[A-Z0-9]_key",
].join("|");

/** Specific shapes first: the general ones leave a marker that is already there. */
export const standardRules: readonly RedactionRule[] = [
  {
    name: "private-key",
    hints: ["PRIVATE KEY"],
    // Without its end, too: a recording is often cut. The body holds no quote, and no backslash that is not an escape.
    pattern:
      /-----BEGIN (?:[A-Z0-9]{1,10} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z0-9+/=,:.() \r\n\t]|\\+[nrt]|-(?!----))*(?:-{5,6}END (?:[A-Z0-9]{1,10} ){0,3}PRIVATE KEY(?: BLOCK)?-----)?/g,
  },
  token("age-key", ["AGE-SECRET-KEY-1"], "AGE-SECRET-KEY-1[A-Za-z0-9]{40,80}"),
  token("jwt", ["eyJ"], `${begin}eyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]{8,}`),
  token("aws-key-id", ["AKIA", "ASIA", "ABIA", "ACCA"], `${begin}A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}${end}`),
  token("github-token", ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], "gh[pousr]_[A-Za-z0-9]{30,255}"),
  token("github-token", ["github_pat_"], "github_pat_[A-Za-z0-9_]{30,255}"),
  token(
    "gitlab-token",
    ["gl"],
    `${begin}gl(?:pat|ptt|dt|rt|cbt|ft|imt|agent|oas|soat)-[A-Za-z0-9_.-]{20,300}`,
  ),
  checked(
    token(
      "slack-token",
      ["xox", "xapp-"],
      `${begin}(?:xox[abceoprs](?:\\.xox[a-z])?|xapp)-[A-Za-z0-9-]{16,400}`,
    ),
    random,
  ),
  token(
    "slack-webhook",
    ["hooks.slack.com"],
    String.raw`(?<keep>hooks\.slack\.com\\?/(?:services|workflows|triggers)\\?/)[A-Za-z0-9+/_-]{16,200}`,
  ),
  token("stripe-key", ["_live_", "_test_"], `${begin}[sr]k_(?:live|test)_[A-Za-z0-9]{16,250}`),
  token("stripe-webhook", ["whsec_"], `${begin}whsec_[A-Za-z0-9+/=]{24,100}`),
  token("anthropic-key", ["sk-ant-"], "sk-ant-[A-Za-z0-9_-]{20,300}"),
  checked(
    token("openai-key", ["sk-"], `${begin}sk-(?:proj|svcacct|admin|None|or-v1)-[A-Za-z0-9_-]{20,300}`),
    random,
  ),
  checked(token("openai-key", ["sk-"], `${begin}sk-[A-Za-z0-9_-]{20,300}`), varied),
  token("google-key", ["AIza"], `${begin}AIza[A-Za-z0-9_-]{30,45}`),
  token("google-oauth", ["GOCSPX-", "ya29."], `${begin}(?:GOCSPX-|ya29\\.)[A-Za-z0-9_-]{20,500}`),
  token("huggingface-token", ["hf_", "api_org_"], `${begin}(?:hf|api_org)_[A-Za-z0-9]{30,60}`),
  token("npm-token", ["npm_"], `${begin}npm_[A-Za-z0-9]{30,60}`),
  token("pypi-token", ["pypi-"], `${begin}pypi-[A-Za-z0-9_-]{36,300}`),
  token("sendgrid-key", ["SG."], `${begin}SG\\.[A-Za-z0-9_-]{16,32}\\.[A-Za-z0-9_-]{16,64}`),
  token("twilio-key", ["AC", "SK"], `${begin}(?:AC|SK)[0-9a-f]{32}${end}`),
  token("telegram-token", [":AA"], `${begin}\\d{8,10}:AA[A-Za-z0-9_-]{32,34}${end}`),
  checked(
    token(
      "discord-token",
      ["."],
      `${begin}[MNO][A-Za-z0-9_-]{23,27}\\.[A-Za-z0-9_-]{6}\\.[A-Za-z0-9_-]{27,40}`,
    ),
    varied,
  ),
  token(
    "discord-webhook",
    ["api/webhooks/"],
    String.raw`(?<keep>discord(?:app)?\.com/api/webhooks/\d{10,25}/)[A-Za-z0-9_-]{40,100}`,
  ),
  token(
    "azure-key",
    ["AccountKey=", "SharedAccessKey="],
    "(?<keep>(?:Account|SharedAccess)Key=)[A-Za-z0-9+/]{30,120}={0,2}",
  ),
  token("azure-sas", ["sig="], "(?<keep>[?&]sig=)(?:[A-Za-z0-9+/=]|%[0-9A-Fa-f]{2}){30,120}"),
  token("azure-secret", ["Q~"], `${begin}[A-Za-z0-9_~.]{3}\\dQ~[A-Za-z0-9_~.-]{31,34}`),
  token("digitalocean-token", ["_v1_"], `${begin}do[opr]_v1_[a-f0-9]{40,80}`),
  token("databricks-token", ["dapi"], `${begin}dapi[a-f0-9]{32}(?:-\\d{1,2})?${end}`),
  token("linear-key", ["lin_"], `${begin}lin_(?:api|oauth|wh)_[A-Za-z0-9]{30,80}`),
  checked(token("notion-token", ["secret_", "ntn_"], `${begin}(?:secret|ntn)_[A-Za-z0-9]{40,60}`), random),
  token("mailgun-key", ["key-"], `${begin}(?:pub)?key-[a-f0-9]{32}${end}`),
  token("heroku-key", ["HRKU-"], `${begin}HRKU-[A-Za-z0-9_-]{30,80}`),
  token("shopify-token", ["shp"], `${begin}shp(?:at|ca|pa|ss|ua)_[a-fA-F0-9]{32,64}`),
  token("docker-token", ["dckr_"], `${begin}dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,60}`),
  token("vault-token", ["hvs.", "hvb.", "hvr."], `${begin}hv[sbr]\\.[A-Za-z0-9_-]{20,300}`),
  token("groq-key", ["gsk_"], `${begin}gsk_[A-Za-z0-9]{40,80}`),
  token("perplexity-key", ["pplx-"], `${begin}pplx-[A-Za-z0-9]{40,80}`),
  token("replicate-token", ["r8_"], `${begin}r8_[A-Za-z0-9]{36,45}`),
  token("xai-key", ["xai-"], `${begin}xai-[A-Za-z0-9]{60,120}`),
  token("sentry-token", ["sntry"], `${begin}sntry[su]_[A-Za-z0-9+/=_-]{40,300}`),
  token(
    "supabase-key",
    ["sbp_", "sb_secret_"],
    `${begin}(?:sbp_[a-f0-9]{40}|sb_secret_[A-Za-z0-9_-]{20,60})`,
  ),
  token("nvidia-key", ["nvapi-"], `${begin}nvapi-[A-Za-z0-9_-]{40,100}`),
  token("rubygems-key", ["rubygems_"], `${begin}rubygems_[a-f0-9]{40,60}`),
  token("figma-token", ["figd_"], `${begin}figd_[A-Za-z0-9_-]{30,60}`),
  token("postman-key", ["PMAK-"], `${begin}PMAK-[a-f0-9]{24}-[a-f0-9]{34}`),
  token("planetscale-token", ["pscale_"], `${begin}pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{30,80}`),
  token("atlassian-token", ["ATATT3"], `${begin}ATATT3[A-Za-z0-9_=-]{50,300}`),
  checked(
    token(
      "square-token",
      ["sq0", "EAAA"],
      `${begin}(?:sq0[a-z]{3}-[A-Za-z0-9_-]{22,50}|EAAA[A-Za-z0-9_-]{56,64})`,
    ),
    random,
  ),
  token("newrelic-key", ["NRAK-"], `${begin}NRAK-[A-Z0-9]{27}`),
  token("grafana-token", ["glc_", "glsa_"], `${begin}gl(?:c|sa)_[A-Za-z0-9+/=_]{30,300}`),
  token("doppler-token", ["dp."], `${begin}dp\\.(?:pt|st|ct|sa|scim|audit)\\.[A-Za-z0-9_.-]{36,80}`),
  token("terraform-token", [".atlasv1."], `${begin}[A-Za-z0-9]{14}\\.atlasv1\\.[A-Za-z0-9_=-]{50,80}`),
  token("airtable-token", ["pat"], `${begin}pat[A-Za-z0-9]{14}\\.[a-f0-9]{64}`),
  token("langsmith-key", ["lsv2_"], `${begin}lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}`),
  token("pulumi-token", ["pul-"], `${begin}pul-[a-f0-9]{40}${end}`),
  token("tailscale-key", ["tskey-"], `${begin}tskey-[a-z]{3,8}-[A-Za-z0-9-]{20,80}`),
  token("netlify-token", ["nfp_"], `${begin}nfp_[A-Za-z0-9]{36,60}`),
  {
    name: "url-password",
    hints: ["://", ":\\/\\/"],
    pattern: /(?<keep>:(?:\/\/|\\\/\\\/)[^\s/:@"'\\<>[\]]{0,100}:)[^\s/@"'\\<>]{1,200}(?=@[A-Za-z0-9[_-])/g,
    accept: (secret) => !placeholder(secret) && !/^\d{1,5}$/.test(secret),
  },
  {
    name: "bearer",
    hints: ["earer", "EARER"],
    pattern: /(?<keep>\b[Bb](?:earer|EARER)(?:\s|%20|\+){1,3})[A-Za-z0-9_~+/.=-]{16,4096}/g,
    accept: random,
  },
  {
    name: "basic-auth",
    hints: ["asic "],
    pattern: /(?<keep>\b[Bb]asic {1,3})[A-Za-z0-9+/]{8,512}={0,2}/g,
    accept: (secret) => /^[\x20-\x7e]+:[\x20-\x7e]*$/.test(Buffer.from(secret, "base64").toString("latin1")),
  },
  {
    name: "cookie",
    hints: ["ookie"],
    pattern: /(?<keep>\b(?:[Ss]et-)?[Cc]ookie: {0,2})[A-Za-z0-9_.%-]{1,100}=[^\r\n"'\\]{16,4096}/g,
    accept: random,
  },
  {
    name: "secret-field",
    hints: ['"'],
    pattern: new RegExp(
      String.raw`(?<keep>(?<!\\)"(?:${names})"\s{0,4}:\s{0,4}")(?:[^"\\]|\\.){1,8192}`,
      "gi",
    ),
    accept: fieldValue,
  },
  {
    name: "secret-field",
    hints: ['\\"'],
    pattern: new RegExp(
      String.raw`(?<keep>(?<!\\)(?<level>\\{1,15})"(?:${names})\k<level>"\s{0,4}:\s{0,4}\k<level>")[^"\\]{1,8192}`,
      "gi",
    ),
    accept: fieldValue,
  },
  {
    name: "assignment",
    hints: ["=", ":"],
    pattern: new RegExp(
      `(?<keep>(?:${keyword})(?:_[A-Z0-9]{1,20}){0,2}(?:${quote})?[ \\t]{0,3}(?::=|=>|[:=]|%3D)[ \\t]{0,3}(?:${quote})?)` +
        String.raw`[^\s"'\\&<>` +
        "`]{6,1024}",
      "gi",
    ),
    accept: assigned,
  },
  {
    name: "assignment",
    hints: ["--"],
    pattern:
      /(?<keep>--(?:[a-z]{1,20}-)?(?:password|passwd|token|secret|api-key|auth-token)(?:=| {1,2}|\\*["'],\s{0,2}\\*["'])(?:\\*["'])?)[^\s"'\\&<>`-][^\s"'\\&<>`]{7,500}/g,
    accept: random,
  },
  {
    name: "aws-secret-key",
    // Forty characters that stand alone and look like chance: what is left when nothing around says what it is.
    pattern: new RegExp(
      String.raw`(?<![A-Za-z0-9/+_-](?<!\\[nrtbf]))[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=_-])`,
      "g",
    ),
    accept: chance,
  },
];

/** A text that stands for a secret and is none: a variable, a template, stars, a marker that is already there. */
function placeholder(value: string): boolean {
  return (
    /^(?:\$|%[A-Za-z(]|\{|<|\[|\*{3}|\.{3}|x{4}|X{4}|#\{|@)|\$\{|\{\{|\[redacted/.test(value) ||
    /^(?:your|my|example|placeholder|change_?me|redacted|replace|insert|dummy|todo|none|null|true|false|undefined|string|process\.|os\.|env\.|import\.)/i.test(
      value,
    )
  );
}

/** Letters and digits, no word list, not a number, not code. */
function random(value: string): boolean {
  return value.length >= 8 && /\d/.test(value) && /[A-Za-z]/.test(value) && !placeholder(value);
}

/** Three kinds of characters, as chance gives them and names of things rarely do. */
function varied(value: string): boolean {
  return (
    random(value) && /[a-z]/.test(value) && /[A-Z]/.test(value) && (value.match(/\d/g)?.length ?? 0) >= 2
  );
}

function fieldValue(value: string): boolean {
  return !placeholder(value) && !/^\s*$/.test(value);
}

function assigned(value: string, kept: string): boolean {
  // Code, not a value: a call, a property, a type, an index.
  if (
    placeholder(value) ||
    /[()[\]{}|]|^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+[,;]?$|^\/|^\d[\d.,_]*[,;]?$/.test(value)
  )
    return false;
  const bare = value.replace(/[,;:.]+$/, "");
  // An environment's name with no blanks about the sign: `DB_PASSWORD=hunter2x` is one whatever it looks like.
  if (/(?:PASS(?:WORD|WD|PHRASE)?|PWD|SECRET)[A-Z0-9_]*(?:\\*["'])?[:=](?:\\*["'])?$/.test(kept))
    return bare.length >= 6;
  return random(bare) && spread(bare) >= 2.5;
}

function chance(value: string): boolean {
  const upper = value.match(/[A-Z]/g)?.length ?? 0;
  const lower = value.match(/[a-z]/g)?.length ?? 0;
  const digits = value.match(/\d/g)?.length ?? 0;
  return (
    upper >= 6 && lower >= 6 && digits >= 2 && spread(value) >= 4.2 && !/[a-z]{7}|[A-Z]{7}|\d{8}/.test(value)
  );
}

/** Bits a character (Shannon): 40 characters of chance have about 4.7, words 3.5. */
function spread(value: string): number {
  const seen = new Map<string, number>();
  for (const letter of value) seen.set(letter, (seen.get(letter) ?? 0) + 1);
  let bits = 0;
  for (const count of seen.values()) bits -= (count / value.length) * Math.log2(count / value.length);
  return bits;
}
