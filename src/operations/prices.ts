import {
  createPrices,
  listPrices,
  modelFamily,
  type Price,
  type PriceOverride,
  pricesDate,
} from "../domains/prices.ts";
import { settleSessions } from "../domains/settle.ts";
import { update } from "../engine/engine.ts";
import { LociError } from "../errors.ts";
import { modelCalls } from "../model/model-call.ts";
import type { Loci } from "../open.ts";
import { type Context, type Operation, operation } from "./operation.ts";
import { priceFile, readOwnPrices, writeOwnPrices } from "../price-file.ts";

export interface PriceItem extends Price {
  readonly model: string;
  /** The day from which it holds; null for a price somebody set. */
  readonly from: string | null;
  readonly own: boolean;
}

export interface PricesAnswer {
  /** The day on which the list was compared with what the makers publish. */
  readonly date: string;
  readonly file: string;
  /** US dollars for a million tokens. */
  readonly items: readonly PriceItem[];
  /** Calls whose cost is another one now. */
  readonly changed: number;
}

const charge = (summary: string) => ({ kind: "number", summary, min: 0, max: 100_000 }) as const;

export const managePrices: Operation = operation({
  name: "prices",
  summary: "list what models cost, or set a price that is missing",
  access: "write",
  params: {
    action: {
      kind: "enum",
      positional: true,
      choices: ["list", "set", "unset"],
      default: "list",
      summary: "what to do",
    },
    model: { kind: "string", positional: true, summary: "the model, as loci cost --by model calls it" },
    in: charge("dollars for a million tokens of input"),
    out: charge("dollars for a million tokens of output"),
    cacheRead: charge("of input read from the cache (0.1 of the input's)"),
    cacheWrite: charge("of input written to the cache for five minutes (1.25 of the input's)"),
  },
  async run(loci, input, context): Promise<PricesAnswer> {
    const own = readOwnPrices(context.env);
    if (input.action === "list") {
      return answer(context, own, { only: input.model, changed: 0 });
    }
    if (input.model === undefined) {
      throw new LociError("invalid", `prices ${input.action} needs a model.`, {
        next: "loci prices set MODEL --in 3 --out 15",
      });
    }
    const { [input.model]: before, ...others } = own;
    if (input.action === "unset") {
      if (before === undefined) {
        throw new LociError("not-found", `Nobody set a price for ${input.model}.`, {
          where: priceFile(context.env),
          next: "loci prices list",
        });
      }
      writeOwnPrices(context.env, others);
      return answer(context, others, { only: undefined, changed: await reprice(loci, input.model, others) });
    }
    if (input.in === undefined || input.out === undefined) {
      throw new LociError(
        "invalid",
        "A price has at least --in and --out, in dollars for a million tokens.",
        {
          next: `loci prices set ${input.model} --in 3 --out 15`,
        },
      );
    }
    const price: PriceOverride = {
      input: input.in,
      output: input.out,
      ...(input.cacheRead === undefined ? {} : { cacheRead: input.cacheRead }),
      ...(input.cacheWrite === undefined ? {} : { cacheWrite5m: input.cacheWrite }),
    };
    const prices = { ...others, [input.model]: price };
    writeOwnPrices(context.env, prices);
    return answer(context, prices, { only: input.model, changed: await reprice(loci, input.model, prices) });
  },
});

function answer(
  { env }: Context,
  own: Readonly<Record<string, PriceOverride>>,
  { only, changed }: { readonly only: string | undefined; readonly changed: number },
): PricesAnswer {
  const known = createPrices(own);
  const set = Object.keys(own).flatMap((model): PriceItem[] => {
    const price = known.priceOf(model, 0);
    return price === null ? [] : [{ model, from: null, ...price }];
  });
  const covered = new Set(Object.keys(own).map(modelFamily));
  const listed = listPrices
    .filter(({ model }) => !covered.has(model))
    .map((price) => ({ ...price, own: false }));
  const family = only === undefined ? undefined : modelFamily(only);
  const items = [...set, ...listed].filter(
    ({ model }) => family === undefined || modelFamily(model) === family,
  );
  return { date: pricesDate, file: priceFile(env), items, changed };
}

const batch = 500;

/** Sets the cost of the calls of a model again, also of those made before it had a price. */
async function reprice(
  loci: Loci,
  model: string,
  own: Readonly<Record<string, PriceOverride>>,
): Promise<number> {
  const { costOf } = createPrices(own);
  const groups = await loci.engine.rollup(modelCalls, { by: ["model"], measures: { count: "count" } });
  const names = groups.map((group) => group.model).filter((name) => modelFamily(name) === modelFamily(model));
  const isOwn = Object.keys(own).some((name) => modelFamily(name) === modelFamily(model));
  const touched = new Set<string>();
  let changed = 0;
  let after: { id: string } | undefined;
  for (;;) {
    const calls = await loci.engine.find(modelCalls, {
      where: { model: { anyOf: names } },
      limit: batch,
      ...(after === undefined ? {} : { after }),
    });
    const changes = calls
      .map((call) => ({ call, costUsd: (isOwn ? null : toldCost(call)) ?? costOf(call) }))
      .filter(({ call, costUsd }) => call.costUsd !== costUsd);
    if (changes.length > 0) {
      await loci.engine.write(
        changes.map(({ call: { id }, costUsd }) => update(modelCalls, { id }, { costUsd })),
      );
      for (const { call } of changes) touched.add(call.sessionId);
      changed += changes.length;
    }
    const last = calls.at(-1);
    if (calls.length < batch || last === undefined) break;
    after = { id: last.id };
  }
  await settleSessions(loci.engine, [...touched]);
  return changed;
}

/** What the runtime itself worked out for the call; a price of your own wins over it. */
function toldCost({ metadata }: { readonly metadata: unknown }): number | null {
  if (typeof metadata !== "object" || metadata === null || !("toldCostUsd" in metadata)) return null;
  return typeof metadata.toldCostUsd === "number" ? metadata.toldCostUsd : null;
}
