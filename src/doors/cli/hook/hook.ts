import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Settings } from "../config.ts";
import type { Environment } from "../screen.ts";
import { projectContext } from "./context.ts";
import { keepTold, tick } from "./told.ts";

export const hookEvents = ["start", "turn"] as const;

/** What a hook of an agent's program tells us: a session begins, or something new stands in its transcript. */
export type HookEvent = (typeof hookEvents)[number];

export interface HookWorld {
  readonly event: HookEvent;
  /** The store; the file need not be there. */
  readonly url: string;
  /** Where it is written down what sessions are told, for the shell of the next one; undefined: nowhere. */
  readonly told: string | undefined;
  readonly env: Environment;
  readonly folder: string;
  /** What the program says of it, in JSON. */
  readonly said: string;
  readonly redact: { readonly off: boolean };
}

/** For another process that writes, in ms. A store that is held for longer is left alone. */
const longestWait = 30;

/** Answers what is printed. An agent waits for it: a store that is held by another process is not waited for. */
export async function hook(world: HookWorld): Promise<string> {
  const { event, url, env, folder, redact } = world;
  const said = readTold(world.said);
  const tells = env["LOCI_CONTEXT"] !== "off";
  const told = { folder: tells ? world.told : undefined, project: said.cwd ?? folder };
  if (event === "start") {
    if (!tells || isMissing(url)) return "";
    return keepTold(told, () => beginning(world, told.project));
  }
  const transcript = said.transcript_path;
  if (transcript === undefined || !existsSync(transcript)) return "";
  // A session's sub-agents stand in a folder of its name.
  const agents = join(dirname(transcript), said.session_id ?? "", "subagents");
  const paths = [transcript, ...(said.session_id !== undefined && existsSync(agents) ? [agents] : [])];
  const { open } = await import("../../../open.ts");
  const loci = await open(url, { inThread: true, busyTimeout: longestWait, queries: false });
  await loci.import(paths, { source: "claude-code", index: false, workers: 0, redact }).finally(loci.close);
  if (told.folder === undefined) return "";
  // What we wrote ourselves is older than what is written down now, also for a shell that compares whole seconds.
  await setTimeout(1_000 - (Date.now() % 1_000) + 2 * tick);
  await keepTold(told, () => beginning(world, told.project));
  return "";
}

/** What a session is told when it begins, in the words of the program that asks. */
async function beginning({ url }: HookWorld, project: string): Promise<string> {
  const { openReading } = await import("../../../reading.ts");
  const loci = await openReading(url, { busyTimeout: longestWait });
  const context = await projectContext(loci, project).finally(loci.close);
  if (context === "") return "";
  const hookSpecificOutput = { hookEventName: "SessionStart", additionalContext: context };
  return `${JSON.stringify({ hookSpecificOutput })}\n`;
}

/** Where that is written down: only for the store that a shell looks at, which is the usual one. */
export function toldFolder(settings: Settings): string | undefined {
  return settings.get("url").origin === "default" ? join(settings.home, "claude-code", "told") : undefined;
}

export function isServer(url: string): boolean {
  return /^(?!file:)[a-z][a-z0-9+.-]+:/i.test(url);
}

/** A file that is not there yet knows nothing. */
function isMissing(url: string): boolean {
  return !isServer(url) && !existsSync(resolve(url.replace(/^file:(\/\/)?/, "")));
}

type Told = Partial<Record<"transcript_path" | "session_id" | "cwd", string>>;

function readTold(said: string): Told {
  try {
    const value: unknown = JSON.parse(said);
    if (typeof value !== "object" || value === null) return {};
    const texts = Object.entries(value).filter(([, text]) => typeof text === "string" && text !== "");
    return Object.fromEntries(texts);
  } catch {
    return {};
  }
}
