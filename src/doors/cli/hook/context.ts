import { basename } from "node:path";
import type { Reading } from "../../../reading.ts";
import type { Millis } from "../../../operations/operation.ts";
import { fence, moment } from "../../../operations/given.ts";
import { clipped, named } from "../../mcp/recalled.ts";

/** What one session is told in the beginning, at most: more would cost every session more than it helps. */
const mostCharacters = 1_500;
const mostOfOne = 240;

interface Told {
  readonly at: Millis;
  readonly line: string;
}

/**
 * What is known of a project when a session in it begins: decisions, knowledge and the last sessions, each a quoted
 * line with its source and its day, in UTC: what is said may be told later. Empty where nothing is known.
 */
export async function projectContext(loci: Reading, project: string): Promise<string> {
  const { items: sessions } = await loci.sessions.list({ project, parent: null, limit: 50 });
  const here = new Set(sessions.map(({ id }) => id));
  const [decided, known] = await Promise.all([
    loci.memory.list({ limit: 100 }),
    loci.knowledge.list({ limit: 100 }),
  ]);
  const name = basename(project);
  const scopes = [`project:${name}`, `project:${project}`];
  const rank = (sessionId: string | null, says: boolean): number =>
    says || (sessionId !== null && here.has(sessionId)) ? 0 : sessionId === null ? 2 : 3;
  const when = (at: Millis): string => moment(at).slice(0, 10);
  const lines: Array<Told & { readonly rank: number }> = [
    ...decided.items.map((row) => ({
      // A decision belongs to who made it: one of another project would only mislead.
      rank: rank(row.sessionId, scopes.includes(row.scope)) === 0 ? 0 : 3,
      at: row.createdAt,
      line: `decided (${named(row.decisionType, 40)}, ${when(row.createdAt)}, by ${named(row.agentId, 40)}, memory ${row.id.slice(0, 8)}): ${clipped(textOf(row.decisionData), mostOfOne)}`,
    })),
    ...known.items.map((row) => ({
      rank: rank(row.sessionId, row.tags.includes(name) || row.tags.includes(`project:${name}`)),
      at: row.createdAt,
      line: `known (${named(row.category, 40)}, ${when(row.createdAt)}, knowledge ${row.id.slice(0, 8)}): ${clipped(`${row.topic}: ${row.content}`, mostOfOne)}`,
    })),
    ...sessions.slice(0, 3).map((row) => ({
      rank: 1,
      at: row.updatedAt,
      line: `session ${row.id.slice(0, 8)} (${when(row.updatedAt)}, ${row.status}): ${clipped(row.title ?? "no title", 120)}`,
    })),
  ].filter(({ rank: far }) => far < 3);
  return written(
    lines.sort((a, b) => a.rank - b.rank || b.at - a.at),
    name,
  );
}

const more =
  "More of it: search_knowledge and search_sessions of the loci tools, or `loci search WORDS` in a shell.";

function written(lines: readonly Told[], name: string): string {
  const [first] = lines;
  if (first === undefined) return "";
  const textOfAll = (chosen: readonly Told[]): string => {
    const at = Math.max(...chosen.map((one) => one.at));
    const quotes = chosen.map(({ line }) => `> ${line}`).join("\n");
    return `${fence(quotes, { from: `loci, project ${clipped(name, 60)}`, at })}\n${more}`;
  };
  let chosen: Told[] = [];
  for (const line of lines) {
    if (textOfAll([...chosen, line]).length > mostCharacters) continue;
    chosen = [...chosen, line];
  }
  return chosen.length === 0 ? "" : textOfAll(chosen);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
