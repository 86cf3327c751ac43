import { basename, join } from "node:path";
import type { Loci } from "../../../open.ts";
import { expiring, findHistory, type History } from "../../../operations/history.ts";
import { importSessions, listingStage, samples } from "../../../operations/import.ts";
import type { Progress } from "../../../operations/operation.ts";
import { summarize } from "../../../operations/summary.ts";
import type { Call } from "../command.ts";
import { tilde, withStore } from "../config.ts";
import { showAnswer } from "../operated.ts";
import { counted, localTime, size } from "../people.ts";
import { drawTable } from "../table.ts";
import { version } from "../version.ts";
import { summaryView } from "../views/summary.ts";

/** `loci` alone: reads what is new, then the last week and the newest sessions. */
export async function summary(call: Call): Promise<number | undefined> {
  const history = findHistory(call.env);
  const loci = await call.open();
  await loci.recover();
  if (history.files.length > 0) return readAndShow(call, { loci, history });
  if ((await loci.sessions.count()) > 0) {
    await show(call, loci);
    return undefined;
  }
  if (call.input["orSamples"] === true) return demo(call);
  await show(call, loci);
  call.out.note(
    `No agent history was found in ${history.folders.join(", ")}.\nElsewhere? loci import PATH. To see what it looks like: loci demo`,
  );
  return undefined;
}

/** `loci demo`: sample sessions, in a store of their own. */
export async function demo(call: Call): Promise<undefined> {
  const place = join(call.settings.home, "demo.db");
  const loci = await call.open(place);
  call.out.note("Sample sessions, from a public repository; yours are not touched.");
  await importSessions.run(loci, { path: [await samples()], redact: "on" }, call.context);
  const answer = await summarize.run(loci, { limit: call.input["limit"] }, call.context);
  await showAnswer(call, answer, { view: summaryView, loci, command: withStore(place, call.env) });
  return undefined;
}

interface Reading {
  readonly loci: Loci;
  readonly history: History;
}

/**
 * On a terminal the newest sessions are shown as soon as they are listed with title and cost; the texts are read below
 * that, and in the end the whole picture takes its place. A pipe gets one answer, in the end.
 */
async function readAndShow(call: Call, { loci, history }: Reading): Promise<undefined> {
  const { out, context } = call;
  const folder = history.holding.map((path) => tilde(path, call.env)).join(", ");
  out.note(
    `loci ${version()} · ${folder}: ${counted(history.files.length, "file")}, ${size(history.bytes)} · nothing leaves this machine`,
  );
  const input = { path: [], redact: call.input["redact"] };
  let news = 0;
  let announce: ((stage: "listed") => void) | undefined;
  const listing = new Promise<"listed">((resolve) => {
    announce = resolve;
  });
  const progress = (step: Progress): void => {
    news = Math.max(news, step.total ?? 0);
    context.progress(step);
    if (step.doing === listingStage) announce?.("listed");
  };
  const reading = importSessions.run(loci, input, { ...context, progress });
  const first = await Promise.race([listing, reading]);
  const drawn = first === "listed" && out.format === "table" && out.redraws ? await drawEarly(call, loci) : 0;
  await reading;
  if (drawn > 0) await out.write(`\u001b[${drawn}A\u001b[J`);
  await show(call, loci);
  await warnOfRemoval(call, { loci, history, news });
  return undefined;
}

/** Claude Code removes what is old: said where something new was read, and always where something is not kept. */
async function warnOfRemoval(call: Call, { loci, history, news }: Reading & { news: number }): Promise<void> {
  const { sessions, unread, first } = await expiring(loci, history, { now: call.now() });
  if (sessions === 0) return;
  const on = localTime(first).slice(0, 10);
  if (unread.length > 0) {
    call.out.note(
      `Claude Code removes ${counted(unread.length, "session")} that could not be read, the first on ${on} (${basename(unread[0]?.path ?? "")}): loci doctor`,
    );
  } else if (news > 0) {
    call.out.note(
      `Claude Code removes ${counted(sessions, "session")}, the first on ${on}, within 7 days; what they hold stays here.`,
    );
  }
}

/** Answers how many lines it took. */
async function drawEarly({ out, screen, input, context }: Call, loci: Loci): Promise<number> {
  const answer = await summarize.run(loci, { limit: input["limit"] }, context);
  const short = await loci.sessions.shorten(summaryView.sessions?.(answer) ?? []);
  const lines = [
    "",
    ...drawTable(summaryView.columns(answer), summaryView.rows(answer), {
      ...screen,
      shortId: (id) => short.get(id) ?? id,
    }),
  ];
  await out.lines(lines);
  return lines.length;
}

async function show(call: Call, loci: Loci): Promise<void> {
  const answer = await summarize.run(loci, { limit: call.input["limit"] }, call.context);
  await showAnswer(call, answer, { view: summaryView, loci });
}
