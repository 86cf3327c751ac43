import type { Engine } from "../../engine/engine.ts";
import { insert, update } from "../../engine/engine.ts";
import { searchState } from "../../model/search.ts";
import type { BuiltSegment } from "./builder.ts";
import { mergeSegments } from "./merge.ts";
import type { PageReader } from "./pages.ts";
import type { View } from "./view.ts";
import { writeSegment } from "./write.ts";

/** So many segments of one tier become one. */
const fan = 8;
/** No segment of more bytes comes out of a merge: its work, and its memory, are bounded. */
const mostBytes = 64 * 1024 * 1024;
const lease = 120_000;

/** 0 below 64 KiB, one more for each eightfold. */
export function tierOfBytes(bytes: number): number {
  return Math.max(0, Math.ceil(Math.log2(Math.max(1, bytes) / 65_536) / 3));
}

export function tierOf(built: BuiltSegment): number {
  return tierOfBytes(built.pages.reduce((sum, page) => sum + page.length, 0));
}

/** The places of the segments to merge next, the smallest tier first; none where no tier is full. */
export function chooseMerge(view: View, budgetBytes: number): number[] {
  const tiers = new Map<number, number[]>();
  view.segments.forEach(({ bytes }, place) => {
    const tier = tierOfBytes(bytes);
    tiers.set(tier, [...(tiers.get(tier) ?? []), place]);
  });
  const most = Math.min(mostBytes, budgetBytes);
  for (const [, places] of [...tiers].sort((a, b) => a[0] - b[0])) {
    if (places.length < fan) continue;
    const chosen: number[] = [];
    let bytes = 0;
    for (const place of places.slice(0, fan)) {
      bytes += view.segments[place]?.bytes ?? 0;
      if (bytes > most) break;
      chosen.push(place);
    }
    if (chosen.length > 1) return chosen;
  }
  return [];
}

/** Who merges has the index's `merge` value until its lease ends. */
async function claimMerge(index: Engine, now: number): Promise<boolean> {
  const text = (at: number): string => String(at).padStart(16, "0");
  await index.write([insert(searchState, [{ id: "merge", value: text(0) }])]);
  const where = { id: "merge", value: { upTo: text(now) } };
  return (await index.take(searchState, { where, limit: 1 }, { value: text(now + lease) })).length > 0;
}

/** Merges the segments at these places into one, in one step: a reader sees the old ones or the new one. */
export async function mergeAt(
  index: Engine,
  context: { readonly view: View; readonly pages: PageReader; readonly now: number },
  places: readonly number[],
): Promise<boolean> {
  const { view, pages, now } = context;
  if (places.length < 2 || !(await claimMerge(index, now))) return false;
  try {
    const infos = places.flatMap((place) => view.segments[place] ?? []);
    const bytes = await pages.read(infos.map((info) => ({ segment: info.id, from: 0, to: info.bytes })));
    const parts = infos.flatMap((info, i) => {
      const place = places[i] ?? -1;
      const columns = view.columns[place];
      return columns ? [{ info, bytes: bytes[i] ?? new Uint8Array(0), columns, dead: view.dead[place] }] : [];
    });
    const built = mergeSegments(parts);
    await writeSegment(index, {
      built,
      tier: tierOf(built),
      createdAt: Math.max(...infos.map((info) => info.createdAt)),
      replaces: infos.map((info) => info.id),
    });
    return true;
  } finally {
    await index.write([update(searchState, { id: "merge" }, { value: "".padStart(16, "0") })]);
  }
}
