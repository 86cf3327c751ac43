import { errorCode } from "../errors.ts";
import type { Loci } from "../open.ts";
import { type Context, type Operation, operation } from "./operation.ts";

export interface Check {
  readonly name: string;
  readonly state: "ok" | "warn" | "fail";
  /** What was seen. */
  readonly fact: string;
  /** The command, or the sentence, that helps; null where nothing is to be done. */
  readonly fix: string | null;
  /** What `--fix` did. */
  readonly fixed: string | null;
}

export interface DoctorAnswer {
  readonly checks: readonly Check[];
  readonly failed: number;
  readonly warned: number;
}

/** What a check found; one that has `repair` can mend it without losing anything. */
export interface Finding {
  readonly state: Check["state"];
  readonly fact: string;
  readonly fix?: string | undefined;
  /** Answers what it did. */
  readonly repair?: (() => Promise<string>) | undefined;
}

export interface NamedCheck {
  readonly name: string;
  look(): Promise<Finding> | Finding;
}

export interface Patient {
  /** Null where the store could not be opened: what needs it is left out. */
  readonly loci: Loci | null;
  readonly context: Context;
  readonly repair: boolean;
  /** Checks that only the door can make: of its settings, of opening the store. */
  readonly more: readonly NamedCheck[];
}

export const examine: Operation = operation({
  name: "doctor",
  summary: "check store, recorder, transcripts, settings; say what helps",
  access: "write",
  params: { fix: { kind: "boolean", summary: "mend what can be mended without losing anything" } },
  run: (loci, input, context): Promise<DoctorAnswer> =>
    examineAll({ loci, context, repair: input.fix, more: [] }),
});

export async function examineAll({ loci, context, repair, more }: Patient): Promise<DoctorAnswer> {
  const [{ machineChecks }, { storeChecks }] = await Promise.all([
    import("./checks/machine.ts"),
    import("./checks/store.ts"),
  ]);
  const named = [...more, ...machineChecks(context), ...(loci === null ? [] : storeChecks(loci, context))];
  const checks: Check[] = [];
  for (const { name, look } of named) checks.push(await examineOne(name, look, repair));
  return {
    checks,
    failed: checks.filter(({ state }) => state === "fail").length,
    warned: checks.filter(({ state }) => state === "warn").length,
  };
}

/** A check that breaks is a finding too: it must not hide the others. */
async function examineOne(name: string, look: NamedCheck["look"], repair: boolean): Promise<Check> {
  try {
    const { state, fact, fix = null, repair: mend } = await look();
    if (!repair || !mend) return { name, state, fact, fix, fixed: null };
    const fixed = await mend();
    const again = await look();
    return { name, state: again.state, fact: again.fact, fix: again.fix ?? null, fixed };
  } catch (error) {
    const code = errorCode(error);
    const text = error instanceof Error ? error.message : "unknown reason";
    return {
      name,
      state: "fail",
      fact: `cannot be checked: ${code ?? "error"}, ${text}`,
      fix: null,
      fixed: null,
    };
  }
}
