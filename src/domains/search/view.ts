import type { Engine } from "../../engine/engine.ts";
import { searchSegments, searchState } from "../../model/search.ts";
import { type Columns, decodeColumns } from "./columns.ts";
import { decodeDirectory, type SegmentInfo } from "./directory.ts";
import { createLocator, type Locator } from "./locate.ts";
import type { PageReader } from "./pages.ts";

/** The index as one search sees it: a list of segments that does not change. */
export interface View {
  readonly generation: string;
  /** The oldest first. */
  readonly segments: readonly SegmentInfo[];
  readonly columns: readonly Columns[];
  /** Of each segment: 1 where a newer segment holds the document too; undefined where there is none. */
  readonly dead: ReadonlyArray<Uint8Array | undefined>;
  readonly documents: number;
  readonly tokens: number;
  readonly locate: Locator;
}

/** What a question is asked of: a view, and the reader of its pages. */
export interface Ground {
  readonly view: View;
  readonly pages: PageReader;
}

export interface Views {
  /** The newest list. Cheap where nothing changed. */
  current(): Promise<View>;
  forget(): void;
}

/** Which documents stand in a newer segment too: only sessions that two segments share have to be looked at. */
export function findDead(all: readonly Columns[]): Array<Uint8Array | undefined> {
  const newest = new Map<string, number>();
  const shared = new Set<string>();
  all.forEach((columns, segment) => {
    for (const { id } of columns.sessions) {
      const before = newest.get(id);
      if (before !== undefined && before !== segment) shared.add(id);
      newest.set(id, segment);
    }
  });
  const dead = all.map((): Uint8Array | undefined => undefined);
  if (shared.size === 0) return dead;
  const seen = new Set<string>();
  for (let segment = all.length - 1; segment >= 0; segment--) {
    const columns = all[segment];
    if (!columns) continue;
    const isShared = columns.sessions.map(({ id }) => shared.has(id));
    // Backwards: of two in one segment the later was added later.
    for (let i = columns.count - 1; i >= 0; i--) {
      const owner = columns.owners[i] ?? 0;
      if (!isShared[owner]) continue;
      const name = `${columns.sessions[owner]?.id}/${columns.keys[i]}`;
      if (!seen.has(name)) {
        seen.add(name);
        continue;
      }
      const marks = (dead[segment] ??= new Uint8Array(columns.count));
      marks[i] = 1;
    }
  }
  return dead;
}

export function createViews(index: Engine, pages: PageReader): Views {
  let view: View | undefined;
  let directories = new Map<string, SegmentInfo>();
  let columnsOf = new Map<string, Columns>();

  async function load(generation: string): Promise<View> {
    const ids = (await index.find(searchSegments, { fields: ["id", "createdAt"] })).map((row) => row.id);
    const missing = ids.filter((id) => !directories.has(id));
    const rows =
      missing.length === 0 ? [] : await index.find(searchSegments, { where: { id: { anyOf: missing } } });
    const known = new Map([...directories].filter(([id]) => ids.includes(id)));
    for (const row of rows) known.set(row.id, decodeDirectory(row));
    directories = known;
    const segments = [...known.values()].sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
    const fresh = segments.filter(({ id }) => !columnsOf.has(id));
    const bytes = await pages.read(fresh.map(({ id, columns }) => ({ segment: id, ...columns })));
    const held = new Map([...columnsOf].filter(([id]) => known.has(id)));
    fresh.forEach((segment, i) => {
      held.set(segment.id, decodeColumns(bytes[i] ?? new Uint8Array(0), segment.documents));
    });
    columnsOf = held;
    const columns = segments.flatMap(({ id }) => held.get(id) ?? []);
    const dead = findDead(columns);
    const gone = dead.reduce((sum, marks) => sum + (marks?.reduce((count, mark) => count + mark, 0) ?? 0), 0);
    return {
      generation,
      segments,
      columns,
      dead,
      documents: columns.reduce((sum, { count }) => sum + count, 0) - gone,
      tokens: segments.reduce((sum, { tokens }) => sum + tokens, 0),
      locate: createLocator(columns, dead),
    };
  }

  return {
    async current() {
      const [state] = await index.find(searchState, { where: { id: "generation" } });
      const generation = state?.value ?? "";
      if (view?.generation !== generation) view = await load(generation);
      return view;
    },
    forget() {
      view = undefined;
      directories = new Map();
      columnsOf = new Map();
    },
  };
}
