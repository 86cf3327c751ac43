/** One difference between two JSON values. */
export interface JsonChange {
  /** `tasks[3].state`; `$` is the whole value. */
  readonly path: string;
  readonly kind: "added" | "removed" | "changed";
  /** Null where it was not there; `kind` tells it from a null that was. */
  readonly before: unknown;
  readonly after: unknown;
}

type Pair = readonly [path: string, before: unknown, after: unknown];

/** What was changed between two JSON values, in the order of the paths in them. Arrays are compared place by place. */
export function diffJson(before: unknown, after: unknown): JsonChange[] {
  const changes: JsonChange[] = [];
  // A list of what is left instead of recursion: a value may be deeper than the stack.
  const left: Pair[] = [["$", before, after]];
  for (let pair = left.pop(); pair !== undefined; pair = left.pop()) {
    const [path, one, other] = pair;
    if (one === undefined) changes.push({ path, kind: "added", before: null, after: other });
    else if (other === undefined) changes.push({ path, kind: "removed", before: one, after: null });
    else if (isBranch(one) && isBranch(other) && Array.isArray(one) === Array.isArray(other)) {
      left.push(...childrenOf(path, one, other).reverse());
    } else if (!isSameLeaf(one, other)) changes.push({ path, kind: "changed", before: one, after: other });
  }
  return changes;
}

type Branch = Readonly<Record<string, unknown>> | readonly unknown[];

function isBranch(value: unknown): value is Branch {
  return typeof value === "object" && value !== null;
}

function isSameLeaf(one: unknown, other: unknown): boolean {
  return one === other || (typeof one === "number" && Number.isNaN(one) && Number.isNaN(other));
}

function childrenOf(path: string, before: Branch, after: Branch): Pair[] {
  if (Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length);
    return Array.from(
      { length },
      (_, at): Pair => [`${path === "$" ? "" : path}[${at}]`, before[at], after[at]],
    );
  }
  const one = new Map<string, unknown>(Object.entries(before));
  const other = new Map<string, unknown>(Object.entries(after));
  return [...new Set([...one.keys(), ...other.keys()])].map((name): Pair => {
    const step = /^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(name) ? name : `[${JSON.stringify(name)}]`;
    const dot = path === "$" || step.startsWith("[") ? "" : ".";
    return [`${path === "$" ? "" : path}${dot}${step}`, one.get(name), other.get(name)];
  });
}
