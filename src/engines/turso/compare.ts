import { createHash } from "node:crypto";
import type { Engine } from "../../engine/engine.ts";
import type { AnyCollection } from "../../model/collection.ts";

/** What two stores have of a collection. */
export interface CollectionCompared {
  readonly collection: string;
  readonly here: { readonly rows: number; readonly digest: string };
  readonly there: { readonly rows: number; readonly digest: string };
}

const page = 500;

/** Those collections of which two stores do not have the same rows, by counting and digesting them on both sides. */
export async function differences(
  here: Pick<Engine, "find">,
  there: Pick<Engine, "find">,
  collections: readonly AnyCollection[],
): Promise<CollectionCompared[]> {
  const found: CollectionCompared[] = [];
  for (const collection of collections) {
    const [one, other] = [await digest(here, collection), await digest(there, collection)];
    if (one.rows !== other.rows || one.digest !== other.digest)
      found.push({ collection: collection.name, here: one, there: other });
  }
  return found;
}

async function digest(
  engine: Pick<Engine, "find">,
  collection: AnyCollection,
): Promise<CollectionCompared["here"]> {
  const hash = createHash("sha256");
  let rows = 0;
  for (let after: Readonly<Record<string, unknown>> | undefined; ; ) {
    const query = { limit: page, ...(after && { after: { [collection.key]: after[collection.key] } }) };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- here the generics end: any collection's rows
    const found = (await engine.find(collection as never, query as never)) as Array<Record<string, unknown>>;
    for (const row of found) hash.update(`${JSON.stringify(row, plain)}\n`);
    rows += found.length;
    after = found.at(-1);
    if (found.length < page) return { rows, digest: hash.digest("hex") };
  }
}

function plain(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value;
}
