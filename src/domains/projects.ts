import type { Engine } from "../engine/engine.ts";
import { sessions } from "../model/session.ts";

/** The paths that a project's name means: the path itself, or every one whose last folders are the name. */
export async function projectPaths(engine: Engine, name: string): Promise<string[]> {
  const groups = await engine.rollup(sessions, { by: ["projectPath"], measures: { count: "count" } });
  const wanted = name.replace(/[/\\]+$/, "");
  return groups.flatMap(({ projectPath: path }) => {
    if (path === null) return [];
    const trimmed = path.replace(/[/\\]+$/, "");
    const tail = trimmed.slice(-wanted.length - 1);
    return trimmed === wanted || tail === `/${wanted}` || tail === `\\${wanted}` ? [path] : [];
  });
}

/** A project's name for people: the last folder of its path. */
export function projectName(path: string | null): string {
  return path === null
    ? ""
    : (path
        .split(/[/\\]/)
        .filter((part) => part !== "")
        .at(-1) ?? path);
}
