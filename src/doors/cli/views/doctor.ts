import type { Check, DoctorAnswer } from "../../../operations/doctor.ts";
import { type AnyView, view } from "../output.ts";
import { safeLine } from "../safe.ts";
import type { Screen } from "../screen.ts";
import { pad } from "../width.ts";

const marks = {
  ok: ["✓", "green"],
  warn: ["◐", "yellow"],
  fail: ["✗", "red"],
} as const;

/** Lines, not a table: facts and fixes are read whole. */
export const doctorView: AnyView = view<DoctorAnswer, Check>({
  rows: (answer) => answer.checks,
  columns: () => [],
  fields: () =>
    (["name", "state", "fact", "fix", "fixed"] as const).map((name) => ({ name, value: (row) => row[name] })),
  draw: ({ checks }, screen) => {
    const width = Math.max(...checks.map(({ name }) => name.length));
    return checks.flatMap((check) => drawCheck(check, width, screen));
  },
  hints: ({ checks, failed, warned }) => [
    failed + warned === 0
      ? `All ${checks.length} checks are fine.`
      : `${checks.length} checks: ${failed} failed, ${warned} to look at.`,
  ],
});

function drawCheck({ name, state, fact, fix, fixed }: Check, width: number, screen: Screen): string[] {
  const [mark, tone] = marks[state];
  const lines = [`${screen.tone(mark, tone)} ${pad(name, width, "left")}  ${safeLine(fact)}`];
  const below = " ".repeat(width + 4);
  if (fixed !== null) lines.push(`${below}${screen.tone("fixed", "green")} ${safeLine(fixed)}`);
  if (fix !== null) lines.push(`${below}${screen.tone("→", "cyan")} ${safeLine(fix)}`);
  return lines;
}
