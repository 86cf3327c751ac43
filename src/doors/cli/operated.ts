import type { Loci } from "../../open.ts";
import type { Input, Operation, Params } from "../../operations/operation.ts";
import { type Call, type Command, textInput } from "./command.ts";
import type { AnyView } from "./output.ts";
import type { Screen } from "./screen.ts";

export interface OperatedSpec {
  readonly view: () => Promise<AnyView>;
  readonly examples: Command["examples"];
  readonly details?: string;
  /** Flags that only a command line has. */
  readonly flags?: Params;
  readonly resumable?: true;
  /** What cannot be brought back, in a few words: on a terminal a person is asked first, unless `--yes` stands there. */
  readonly takesAway?: string;
  /** What the operation gets, where that differs from what was typed. */
  prepare?(call: Call): Input | Promise<Input>;
  /** The answer in lines of its own; undefined where it is to be shown as answers are. */
  lines?(call: Call, answer: object): Promise<readonly string[] | undefined>;
  /** Answers the exit code, from the answer. */
  exitCode?(answer: object, input: Input): number;
}

const yesFlag = { kind: "boolean", letter: "y", summary: "without a question" } as const;

/** The command of an operation: open the store, run it, show the answer. */
export function operated(operation: Operation, spec: OperatedSpec): Command {
  const { examples, details, resumable } = spec;
  return {
    name: operation.name,
    summary: operation.summary,
    params: {
      ...operation.params,
      ...spec.flags,
      ...(spec.takesAway === undefined ? {} : { yes: yesFlag }),
    },
    examples,
    ...(details === undefined ? {} : { details }),
    ...(resumable === undefined ? {} : { resumable }),
    async run(call) {
      const input = (await spec.prepare?.(call)) ?? call.input;
      if (spec.takesAway !== undefined) {
        await (await import("./confirm.ts")).confirmed(call, spec.takesAway, textInput(input, "id") ?? "");
      }
      const [loci, view] = await Promise.all([call.open(), spec.view()]);
      const answer = await operation.run(loci, input, call.context);
      const own = await spec.lines?.(call, answer);
      await (own === undefined ? showAnswer(call, answer, { view, loci }) : call.out.lines(own));
      return spec.exitCode?.(answer, input);
    },
  };
}

interface Shown {
  readonly view: AnyView;
  /** The store that the answer is from. */
  readonly loci: Loci;
  /** What one types before a command to stay with that store; known already where it is the call's own. */
  readonly command?: string;
}

/** Shows an answer; on a table the ids of sessions are short. */
export async function showAnswer(call: Call, answer: object, { view, loci, command }: Shown): Promise<void> {
  const ids = call.out.format === "table" ? (view.sessions?.(answer) ?? []) : [];
  let screen: Screen = {
    ...call.screen,
    full: call.input["full"] === true,
    command: command ?? call.screen.command,
  };
  if (ids.length > 0) {
    const short = await loci.sessions.shorten([...new Set(ids)]);
    screen = { ...screen, shortId: (id) => short.get(id) ?? id };
  }
  await call.out.answer(answer, view, screen);
}
