// A store of conversations made from a seed: words with Zipf's frequencies, function words as English has them, and
// the rare identifiers, paths and ids that people look for.
import { insert } from "../dist/engine/engine.js";
import { stableId } from "../dist/model/id.js";
import { messages } from "../dist/model/message.js";
import { sessions } from "../dist/model/session.js";

export function createRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const functionWords =
  "the to of and a in is that it for on with as this be are was not have by from or an at we can if you will has but all so do then use when there which they one would what no only also some how into out".split(
    " ",
  );
const onsets = "b c d f g h j k l m n p r s t v w st tr pl cr gr br fl sh ch".split(" ");
const vowels = "a e i o u ai ea oo".split(" ");
const codas = ["", "", "n", "r", "t", "l", "s", "m", "ck", "nd", "st", "rk"];

/** Words that look like English to the stemmer, the most common first. */
export function makeWords(count, random) {
  const words = new Set(functionWords);
  const pick = (list) => list[Math.floor(random() * list.length)];
  while (words.size < count) {
    const syllables = 1 + Math.floor(random() * 3) + (words.size > 3000 ? 1 : 0);
    let word = "";
    for (let i = 0; i < syllables; i++) word += pick(onsets) + pick(vowels) + pick(codas);
    if (word.length > 2) words.add(word);
  }
  return [...words];
}

/** A table to draw from: a word of rank r comes with weight 1 / (r + 2.7). */
function makeTable(words) {
  const table = new Array(1 << 20);
  const weights = words.map((_, rank) => 1 / (rank + 2.7));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  let at = 0;
  let reached = 0;
  words.forEach((word, rank) => {
    reached += weights[rank] / sum;
    for (; at < reached * table.length && at < table.length; at++) table[at] = word;
  });
  while (at < table.length) table[at++] = words[0];
  return table;
}

const start = Date.UTC(2025, 0, 1);
const perSession = 100;

export function createCorpus({ vocabulary = 50_000, meanWords = 165, seed = 7 } = {}) {
  const random = createRandom(seed);
  const words = makeWords(vocabulary, random);
  const table = makeTable(words);
  const draw = () => table[Math.floor(random() * table.length)];
  const camel = () => {
    const second = draw();
    return draw() + second.charAt(0).toUpperCase() + second.slice(1);
  };
  const rare = [
    () => camel() + Math.floor(random() * 1000),
    () => `src/${draw()}/${camel()}.ts`,
    () => `${draw()}_${draw()}_${Math.floor(random() * 100_000)}`,
    () =>
      Math.floor(random() * 2 ** 48)
        .toString(16)
        .padStart(12, "0"),
  ];
  const text = () => {
    const length = Math.max(3, Math.floor(-Math.log(1 - random()) * meanWords));
    const parts = new Array(Math.min(length, meanWords * 6));
    for (let i = 0; i < parts.length; i++) parts[i] = draw();
    for (let left = Math.floor(random() * 3); left > 0; left--) {
      parts[Math.floor(random() * parts.length)] = rare[Math.floor(random() * rare.length)]();
    }
    return parts.join(" ");
  };

  return {
    words,
    random,
    /** Writes so many messages, in batches. Answers how many characters they have. */
    async fill(engine, count, onProgress) {
      let characters = 0;
      for (let from = 0; from < count; from += 5000) {
        const rows = [];
        const owners = [];
        for (let i = from; i < Math.min(count, from + 5000); i++) {
          const session = Math.floor(i / perSession);
          const sessionId = stableId(start + session * 60_000, "bench", String(session));
          if (i % perSession === 0) owners.push(sessionRow(sessionId, session));
          const content = text();
          characters += content.length;
          rows.push(messageRow(sessionId, i, content));
        }
        await engine.write([insert(sessions, owners), insert(messages, rows)]);
        onProgress?.(from + rows.length);
      }
      return characters;
    },
  };
}

function sessionRow(id, number) {
  const at = start + number * 60_000;
  return {
    id,
    agentType: "claude-code",
    model: "bench",
    provider: null,
    startedAt: at,
    endedAt: at + 60_000,
    status: "completed",
    errorMessage: null,
    metadata: null,
    projectId: null,
    projectPath: `/home/bench/project-${number % 40}`,
    title: `session ${number}`,
    source: "bench",
    sourceId: null,
    agentId: null,
    parentSessionId: null,
    gitBranch: null,
    data: null,
    messageCount: perSession,
    toolCount: 0,
    errorCount: 0,
    inputTokens: 0,
    outputTokens: 0,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    costUsd: 0,
    costComplete: true,
    updatedAt: at + 60_000,
  };
}

function messageRow(sessionId, number, content) {
  const at = start + Math.floor(number / perSession) * 60_000 + (number % perSession) * 500;
  return {
    id: stableId(at, "message", String(number)),
    sessionId,
    sequence: (number % perSession) + 1,
    role: number % 2 === 0 ? "user" : "assistant",
    content,
    toolName: null,
    toolInput: null,
    toolOutput: null,
    createdAt: at,
    tokenCount: null,
    parentId: null,
    agentId: null,
    model: null,
    metadata: null,
  };
}
