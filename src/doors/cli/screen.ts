import type { Millis } from "../../operations/operation.ts";

export type Tone = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** What a view may know of the place it draws on. */
export interface Screen {
  readonly columns: number;
  readonly now: Millis;
  /** Marks text, where colour is wanted; the text itself otherwise. */
  tone(text: string, ...tones: readonly Tone[]): string;
  /** The shortest beginning of a session's id that names it; the id where none was looked up. */
  shortId(id: string): string;
  /** What one types before a command to stay with this store: `loci`, or with `--db`. */
  readonly command: string;
  /** Long texts are wanted whole. */
  readonly full: boolean;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const codes: Readonly<Record<Tone, readonly [on: number, off: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

export interface ScreenOptions {
  readonly isTerminal: boolean;
  /** The terminal's own width; undefined in a pipe. */
  readonly columns?: number | undefined;
  readonly env: Environment;
  readonly noColor: boolean;
  readonly now: Millis;
}

export function createScreen({ isTerminal, columns, env, noColor, now }: ScreenOptions): Screen {
  const colour = !noColor && wantsColour(isTerminal, env);
  const asked = Number(env["COLUMNS"]);
  return {
    // Nothing is readable below 40 cells, and above 200 the eye loses the row.
    columns: Math.min(200, Math.max(40, columns || asked || 100)),
    now,
    shortId: (id) => id,
    command: "loci",
    full: false,
    tone(text, ...tones) {
      if (!colour || text === "") return text;
      return tones.reduce(
        (inner, tone) => `\u001b[${codes[tone][0]}m${inner}\u001b[${codes[tone][1]}m`,
        text,
      );
    },
  };
}

/** no-color.org, then FORCE_COLOR (anything but "" and "0"), then whether somebody looks. */
export function wantsColour(isTerminal: boolean, env: Environment): boolean {
  if (env["NO_COLOR"]) return false;
  const forced = env["FORCE_COLOR"];
  if (forced !== undefined) return forced !== "0" && forced !== "false";
  return isTerminal && env["TERM"] !== "dumb";
}
