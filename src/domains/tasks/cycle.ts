/** Ids along a circle, the first one again at the end; undefined where there is none. */
export function findCycle(dependencies: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const free = new Set<string>();
  for (const start of dependencies.keys()) {
    // A stack of our own: a chain of 10,000 tasks is deeper than calls may be.
    const path: Array<{ readonly id: string; readonly left: string[] }> = [];
    const onPath = new Set<string>();
    const enter = (id: string): void => {
      path.push({ id, left: [...(dependencies.get(id) ?? [])] });
      onPath.add(id);
    };
    if (!free.has(start)) enter(start);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const next = top.left.pop();
      if (next === undefined) {
        path.pop();
        onPath.delete(top.id);
        free.add(top.id);
      } else if (onPath.has(next)) {
        const ids = path.map(({ id }) => id);
        return [...ids.slice(ids.indexOf(next)), next];
      } else if (!free.has(next) && dependencies.has(next)) {
        enter(next);
      }
    }
  }
  return undefined;
}
