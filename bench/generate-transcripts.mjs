// Makes a folder of Claude Code transcripts that look like real ones: the lines of the sample sessions, with their
// types, sizes, duplicates and progress lines, resampled into sessions of their own with other words in them.
// The same numbers make the same bytes. `node bench/generate-transcripts.mjs [folder] [sessions] [megabytes]`
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const version = 3;
const samples = fileURLToPath(new URL("../samples/projects/-workspace-spotter/", import.meta.url));
const templates = [
  "fa812bfe-b295-4cca-9c2f-fdf01028cb46.jsonl",
  "fa812bfe-b295-4cca-9c2f-fdf01028cb46.jsonl",
  "fa812bfe-b295-4cca-9c2f-fdf01028cb46/subagents/agent-a93ccab.jsonl",
  "fa812bfe-b295-4cca-9c2f-fdf01028cb46/subagents/agent-aa84377.jsonl",
  "tool_heavy.jsonl",
];

/** mulberry32: small, fast, and the same everywhere. */
function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function hex(...parts) {
  return createHash("md5").update(parts.join("\u0000")).digest("hex");
}

function uuidOf(...parts) {
  const h = hex(...parts);
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-a${h.slice(17, 20)}-${h.slice(20, 32)}`;
}

/** The words of the samples by how common they are, and behind them 60,000 made of syllables. */
function vocabularyOf(texts) {
  const counts = new Map();
  for (const text of texts)
    for (const word of text.match(/[A-Za-z]{3,24}/g) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1);
  const words = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([word]) => word);
  const random = randomOf(7);
  const syllables =
    "ba be con der el fin ger ha in jo ka lo mo ne or pa qui re sa te un ve wi xe yo za tion er ing ed ly".split(
      " ",
    );
  const all = new Set(words);
  while (all.size < words.length + 60_000) {
    let word = "";
    for (let n = 2 + Math.floor(random() * 3); n > 0; n--)
      word += syllables[Math.floor(random() * syllables.length)];
    all.add(word);
  }
  return { words: [...all], rank: new Map(words.map((word, index) => [word, index])) };
}

/** Common words stay; a rare one becomes another of about its rank, the same one all through a session. */
function wordChanger({ words, rank }, seed) {
  const random = randomOf(seed);
  const chosen = new Map();
  return (word) => {
    const at = rank.get(word);
    if (at === undefined || at < 400) return word;
    let other = chosen.get(word);
    if (other === undefined) {
      const spread = Math.exp((random() * 2 - 0.7) * 1.4);
      other = words[Math.min(words.length - 1, Math.floor(at * spread))];
      chosen.set(word, other);
    }
    return other;
  };
}

const idKeys = new Set([
  "uuid",
  "parentUuid",
  "messageId",
  "leafUuid",
  "sourceToolAssistantUUID",
  "requestId",
  "id",
  "tool_use_id",
  "toolUseID",
  "parentToolUseID",
  "logicalParentUuid",
]);
const keep = new Set([
  "type",
  "role",
  "model",
  "name",
  "version",
  "stop_reason",
  "subtype",
  "userType",
  "hookEvent",
  "hookName",
  "command_type",
  "service_tier",
  "media_type",
  "data",
  "signature",
  "operation",
  "inference_geo",
  "permissionMode",
]);

function changed(value, key, session) {
  if (typeof value === "string") {
    if (key === "sessionId") return session.id;
    if (key === "timestamp") return new Date(Date.parse(value) - session.shift).toISOString();
    if (idKeys.has(key)) return session.idOf(value);
    if (key === "cwd") return session.cwd;
    if (keep.has(key) || value.length < 3) return value;
    let other = session.texts.get(value);
    if (other === undefined) {
      other = value.replace(/[A-Za-z]{3,24}/g, session.word);
      session.texts.set(value, other);
    }
    return other;
  }
  if (Array.isArray(value)) return value.map((item) => changed(item, key, session));
  if (value !== null && typeof value === "object") {
    const out = {};
    for (const name in value) out[name] = changed(value[name], name, session);
    return out;
  }
  return value;
}

function sessionOf(number, { lines, vocabulary, first }) {
  const id = uuidOf("session", number);
  return {
    id,
    cwd: `/home/dev/projects/${["api", "web", "agents", "infra", "docs", "mobile", "billing"][number % 7]}`,
    // The newest session ended on the day the samples did; each older one some hours before.
    shift: number * 3_700_000 + (first - Date.parse(lines[0].timestamp ?? "2026-02-12T15:00:00Z")) * -1,
    word: wordChanger(vocabulary, number * 2_654_435_761),
    texts: new Map(),
    ids: new Map(),
    idOf(value) {
      let other = this.ids.get(value);
      if (other === undefined) {
        const prefix = /^(toolu_|msg_|req_)/.exec(value)?.[0];
        const made = uuidOf(id, value);
        other = prefix === undefined ? made : prefix + made.replaceAll("-", "").slice(0, 24);
        this.ids.set(value, other);
      }
      return other;
    },
  };
}

/** Writes the folder, or leaves it where it was made before. Answers its path and size. */
export function generateTranscripts({ folder, sessions = 500, megabytes = 483 }) {
  const name = `v${version}-${sessions}-${megabytes}`;
  const stamp = join(folder, "made.json");
  if (existsSync(stamp)) {
    const made = JSON.parse(readFileSync(stamp, "utf8"));
    if (made.name === name) return made;
  }
  rmSync(folder, { recursive: true, force: true });
  const sources = templates.map((file) =>
    readFileSync(join(samples, file), "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line)),
  );
  const vocabulary = vocabularyOf(templates.map((file) => readFileSync(join(samples, file), "utf8")));
  const first = Date.parse("2026-02-12T15:00:00Z");
  const random = randomOf(42);
  const weights = Array.from({ length: sessions }, () =>
    Math.exp((random() + random() + random() - 1.5) * 1.6),
  );
  const unit = (megabytes * 1024 * 1024) / weights.reduce((sum, weight) => sum + weight, 0);
  let bytes = 0;
  let lineCount = 0;
  for (let number = 0; number < sessions; number++) {
    const { text, lines, id, cwd } = oneSession(number, {
      sources,
      vocabulary,
      first,
      target: weights[number] * unit,
      random,
    });
    const project = join(folder, "projects", cwd.replace(/[^A-Za-z0-9]/g, "-"));
    mkdirSync(project, { recursive: true });
    const path = join(project, `${id}.jsonl`);
    writeFileSync(path, text);
    const modified = (first - number * 3_700_000) / 1000;
    utimesSync(path, modified, modified);
    bytes += Buffer.byteLength(text);
    lineCount += lines;
  }
  const made = { name, path: join(folder, "projects"), sessions, bytes, lines: lineCount };
  writeFileSync(stamp, JSON.stringify(made));
  return made;
}

function oneSession(number, { sources, vocabulary, first, target, random }) {
  const parts = [];
  let bytes = 0;
  let session;
  let round = 0;
  while (bytes < target) {
    const source = sources[Math.floor(random() * sources.length)];
    const lines = source.map((line) => ({
      ...line,
      isSidechain: line.isSidechain === undefined ? undefined : false,
      agentId: undefined,
    }));
    session ??= sessionOf(number, { lines, vocabulary, first });
    // Each round is another stretch of work: its ids and rare words are its own.
    session.ids = new Map();
    session.texts = new Map();
    session.word = wordChanger(vocabulary, number * 7919 + round);
    const own = {
      ...session,
      idOf: (value) =>
        session.idOf(
          `${round}:${value}`.replace(/^\d+:(toolu_|msg_|req_)/, (_, prefix) => `${prefix}${round}`),
        ),
    };
    round++;
    const start = parts.length === 0 ? 0 : Math.floor(random() * lines.length * 0.7);
    for (const line of lines.slice(start)) {
      const text = JSON.stringify(changed(line, "", own));
      parts.push(text);
      bytes += text.length + 1;
      if (bytes >= target) break;
    }
  }
  return { text: `${parts.join("\n")}\n`, lines: parts.length, id: session.id, cwd: session.cwd };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [
    folder = fileURLToPath(new URL(".data/transcripts", import.meta.url)),
    sessions = "500",
    megabytes = "483",
  ] = process.argv.slice(2);
  console.log(
    JSON.stringify(generateTranscripts({ folder, sessions: Number(sessions), megabytes: Number(megabytes) })),
  );
}
