import { contentOf } from "./content.ts";
import { type JsonObject, momentOf, objectOf, textOf } from "./line.ts";
import { commandOf, isMachineText } from "./title.ts";

/** Names that a list of sessions shows, by the field of a line that says them; the last one counts. */
const lastSaid: Readonly<Record<string, string>> = {
  customTitle: "customTitle",
  aiTitle: "aiTitle",
  lastPrompt: "lastPrompt",
  summary: "summaryHint",
  gitBranch: "gitBranch",
};

/**
 * Folds a line into what the Claude Agent SDK's `listSessions` shows of its session. The form is the SDK's own
 * (`foldSessionSummary`, compared with it in test/agents): what it finds missing, it reads from the transcript.
 */
export function foldSummary(data: Record<string, unknown>, line: JsonObject): void {
  const at = typeof line["timestamp"] === "string" ? momentOf(line["timestamp"]) : undefined;
  data["isSidechain"] ??= line["isSidechain"] === true;
  if (at !== undefined) data["createdAt"] ??= at;
  const cwd = textOf(line["cwd"]);
  if (cwd !== undefined) data["cwd"] ??= cwd;
  if (data["firstPromptLocked"] !== true) foldPrompt(data, line);
  for (const [from, to] of Object.entries(lastSaid)) {
    if (typeof line[from] === "string") data[to] = line[from];
  }
  if (line["type"] === "tag") {
    const tag = textOf(line["tag"]);
    if (tag === undefined) delete data["tag"];
    else data["tag"] = tag;
  }
  const moved = line["type"] === "relocated" ? textOf(line["relocatedCwd"]) : undefined;
  if (moved !== undefined) data["cwd"] = moved;
}

const longest = 200;

/** The first thing that a person asked; a slash command where there is nothing else. */
function foldPrompt(data: Record<string, unknown>, line: JsonObject): void {
  if (line["type"] !== "user" || line["isMeta"] === true || line["isCompactSummary"] === true) return;
  const { parts, results } = contentOf(objectOf(line["message"])?.["content"]);
  if (results.length > 0) return;
  for (const { text } of parts) {
    const said = text?.replaceAll("\n", " ").trim() ?? "";
    if (said === "") continue;
    const command = commandOf(said);
    if (command !== undefined) data["commandFallback"] ??= command;
    if (command !== undefined || said.startsWith("<") || isMachineText(said)) continue;
    data["firstPrompt"] = said.length > longest ? `${said.slice(0, longest).trim()}…` : said;
    data["firstPromptLocked"] = true;
    return;
  }
}
