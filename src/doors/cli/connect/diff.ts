/** Of a line longer than this, what differs is shown: some files are one line of a megabyte. */
const longest = 400;
const context = 3;

/** A unified diff of two texts that differ in one region; nothing where they are equal. */
export function unifiedDiff(
  { name, existed, exists }: { readonly name: string; readonly existed: boolean; readonly exists: boolean },
  before: string,
  after: string,
): string[] {
  if (before === after && existed === exists) return [];
  const [old, now] = [linesOf(before), linesOf(after)];
  const most = Math.min(old.length, now.length);
  let same = 0;
  while (same < most && old[same] === now[same]) same++;
  let tail = 0;
  while (tail < most - same && old.at(-1 - tail) === now.at(-1 - tail)) tail++;
  const from = Math.max(0, same - context);
  const end = Math.max(0, tail - context);
  const [oldEnd, nowEnd] = [old.length - end, now.length - end];
  const removed = old.slice(same, old.length - tail);
  const added = now.slice(same, now.length - tail);
  const at = commonStart(removed[0] ?? "", added[0] ?? "");
  const shown = (mark: string, lines: readonly string[]): string[] =>
    lines.flatMap((line) => shownLine(mark, line, at));
  return [
    `--- ${existed ? name : "/dev/null"}`,
    `+++ ${exists ? name : "/dev/null"}`,
    `@@ -${span(from, oldEnd)} +${span(from, nowEnd)} @@`,
    ...shown(" ", old.slice(from, same)),
    ...shown("-", removed),
    ...shown("+", added),
    ...shown(" ", old.slice(old.length - tail, oldEnd)),
  ];
}

/** Each with its end, so that a last line without one is another line. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function span(from: number, end: number): string {
  return end === from ? `${from},0` : `${from + 1},${end - from}`;
}

function commonStart(one: string, other: string): number {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  return at;
}

function shownLine(mark: string, line: string, at: number): string[] {
  const text = line.replace(/\r?\n$/, "");
  const start = Math.max(0, Math.min(at - 80, text.length - longest));
  const cut = start > 0 ? "…" : "";
  const shown = text.length <= longest ? text : `${cut}${text.slice(start, start + longest)}…`;
  return [`${mark}${shown}`, ...(line.endsWith("\n") ? [] : ["\\ No newline at end of file"])];
}
