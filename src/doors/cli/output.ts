import { safeText, unsafeCharacters } from "./safe.ts";
import type { Screen } from "./screen.ts";
import { type Column, drawCsv, drawTable, drawTsv, type Field } from "./table.ts";

export const formats = ["table", "tsv", "csv", "json", "ndjson"] as const;

export type Format = (typeof formats)[number];

/** How an answer is shown: to people as a table or as lines of its own, to programs as rows. */
export interface View<Answer, Row> {
  rows(answer: Answer): readonly Row[];
  /** What a person sees of a row. */
  columns(answer: Answer): readonly Column<Row>[];
  /** What a program gets of it. */
  fields(answer: Answer): readonly Field<Row>[];
  /** Session ids that are shown short. */
  sessions?(answer: Answer): readonly string[];
  /** The whole picture for a person, where that is more than the table. */
  draw?(answer: Answer, screen: Screen): readonly string[];
  /** Said to a person instead of an empty table. */
  empty?(answer: Answer): string;
  /** What went wrong in part: to stderr, whatever the format. */
  warnings?(answer: Answer): readonly string[];
  /** Hints below, for people only; they go to stderr. */
  hints?(answer: Answer, screen: Screen): readonly string[];
  /** What one line of NDJSON says of a row; the row itself where it is left out. */
  record?(row: Row, answer: Answer): object;
}

/** A view that forgot its types: commands look it up by the operation's name. */
export type AnyView = View<object, unknown>;

/** The one place where a view's types are erased: the command's answer is the operation's, which the view is for. */
export function view<Answer extends object, Row>(spec: View<Answer, Row>): AnyView {
  // Generics are erased here and nowhere else.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return spec as unknown as AnyView;
}

export interface Output {
  readonly format: Format;
  /** Somebody looks at stdout. */
  readonly isTerminal: boolean;
  /** What was written can be written over. */
  readonly redraws: boolean;
  /** Data, exactly as it is. Settles when it is handed over. */
  write(data: string | Uint8Array): Promise<void>;
  /** Lines of data. */
  lines(lines: readonly string[]): Promise<void>;
  /** Hints and reports on stderr; nothing with `--quiet`. */
  note(line: string): void;
  /** A whole answer in the format asked for. */
  answer(answer: object, view: AnyView, screen?: Screen): Promise<void>;
}

export interface OutputOptions {
  readonly format: Format;
  readonly quiet: boolean;
  readonly isTerminal: boolean;
  readonly redraws: boolean;
  readonly screen: Screen;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** Called before anything is written: takes the progress line away. */
  readonly beforeNote: () => void;
}

export function createOutput(options: OutputOptions): Output {
  const { format, quiet, isTerminal, redraws, screen, stdout, stderr, beforeNote } = options;
  const write = (data: string | Uint8Array): Promise<void> => {
    beforeNote();
    return new Promise((done, failed) => stdout.write(data, (error) => (error ? failed(error) : done())));
  };
  const lines = (all: readonly string[]): Promise<void> =>
    all.length === 0 ? Promise.resolve() : write(`${all.join("\n")}\n`);
  const note = (line: string): void => {
    if (quiet) return;
    beforeNote();
    // A hint may name what was recorded.
    stderr.write(`${safeText(line)}\n`);
  };
  return {
    format,
    isTerminal,
    redraws,
    write,
    lines,
    note,
    async answer(answer, shown, on = screen) {
      await lines(render(answer, shown, { format, isTerminal, screen: on }));
      // In JSON the answer itself says it.
      if (format !== "json") for (const warning of shown.warnings?.(answer) ?? []) note(warning);
      if (format !== "table") return;
      if (shown.rows(answer).length === 0 && shown.empty) note(shown.empty(answer));
      for (const hint of shown.hints?.(answer, on) ?? []) note(hint);
    },
  };
}

type Rendering = Pick<OutputOptions, "format" | "screen" | "isTerminal">;

export function render(answer: object, shown: AnyView, { format, screen, isTerminal }: Rendering): string[] {
  const rows = (): readonly unknown[] => shown.rows(answer);
  switch (format) {
    case "json":
      return [jsonText({ v: 1, ...answer })];
    case "ndjson":
      return rows().map((row) => jsonText(shown.record?.(row, answer) ?? row));
    case "tsv":
      return drawTsv(shown.fields(answer), rows());
    case "csv": {
      const csv = drawCsv(shown.fields(answer), rows());
      return isTerminal ? csv.map(safeText) : csv;
    }
    case "table":
      if (shown.draw) return [...shown.draw(answer, screen)];
      return rows().length === 0 ? [] : drawTable(shown.columns(answer), rows(), screen);
  }
}

export function jsonText(value: unknown): string {
  return harmlessJson(JSON.stringify(value));
}

/**
 * JSON that is also harmless on a terminal: C1 controls, bidi marks and the like are written as `\u` escapes, which
 * mean the same to every parser.
 */
export function harmlessJson(json: string): string {
  return json.replace(unsafeCharacters, (found) =>
    Array.from({ length: found.length }, (_, at) => {
      return `\\u${found.charCodeAt(at).toString(16).padStart(4, "0")}`;
    }).join(""),
  );
}
