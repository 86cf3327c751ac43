import { setTimeout as pause } from "node:timers/promises";
import type { Loci } from "../../../open.ts";
import type { Page } from "../../../operations/answers.ts";
import { type TailItem, tailMessages } from "../../../operations/sessions.ts";
import type { Call } from "../command.ts";
import { showAnswer } from "../operated.ts";
import { jsonText } from "../output.ts";
import { localTime } from "../people.ts";
import { safeField, safeLine } from "../safe.ts";
import { tailView } from "../views/tail.ts";
import { truncate } from "../width.ts";

/** `loci tail [-f] [ID]`. */
export async function tail(call: Call): Promise<number | undefined> {
  const { input, out } = call;
  const loci = await call.open();
  // What agents are writing now comes in while we look; where that cannot be, what is stored is shown all the same.
  await using following = input["follow"] === true ? await follow(loci, call) : undefined;
  await following?.settled().catch(() => undefined);
  const first = asPage(await tailMessages.run(loci, input, call.context));
  if (input["follow"] !== true) {
    await showAnswer(call, first, { view: tailView, loci });
    return undefined;
  }
  let from = first.items.reduce((latest, { createdAt }) => Math.max(latest, Date.parse(createdAt)), 0);
  const since = (): Promise<readonly TailItem[]> => {
    const asked = { ...input, after: Math.max(0, from - late), limit: 1000 };
    return tailMessages.run(loci, asked, call.context).then((answer) => asPage(answer).items);
  };
  const shown = new Set(first.items.map(({ messageId }) => messageId));
  const seen = new Set((await since()).map(({ messageId }) => messageId).filter((id) => !shown.has(id)));
  let items = first.items;
  while (!call.signal.aborted) {
    const fresh = items.filter(({ messageId }) => !seen.has(messageId));
    for (const { messageId, createdAt } of fresh) {
      seen.add(messageId);
      from = Math.max(from, Date.parse(createdAt));
    }
    await out.lines(fresh.map((item) => line(item, call)));
    // The wait is over at once when somebody presses Ctrl-C.
    await pause(250, undefined, { signal: call.signal }).catch(() => undefined);
    items = await since();
  }
  return undefined;
}

/** Of two agents the one's messages may come in later than newer ones of the other. */
const late = 60_000;

function follow(loci: Loci, { env, settings }: Call): ReturnType<Loci["follow"]> {
  const off = settings.get("redact").value === "off";
  return loci.follow({ env, redact: { off }, onProblem: () => undefined });
}

/** The operation's answer, whose type its declaration forgot. */
function asPage(answer: object): Page<TailItem> {
  // tailMessages answers this and nothing else.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return answer as Page<TailItem>;
}

/** A line a message, since nobody knows yet how wide the next one is. */
function line(item: TailItem, { out, screen }: Call): string {
  if (out.format === "json" || out.format === "ndjson") return jsonText(item);
  const { createdAt, role, sequence, sessionId, text } = item;
  if (out.format !== "table")
    return [sessionId, item.messageId, sequence, role, createdAt, text]
      .map((field) => safeField(String(field)))
      .join("\t");
  const head = `${localTime(Date.parse(createdAt)).slice(11)} ${safeLine(sessionId).slice(0, 8)}#${sequence} ${safeLine(role)}`;
  return `${screen.tone(head, "cyan")} ${truncate(safeLine(text), Math.max(20, screen.columns - head.length - 1))}`;
}
