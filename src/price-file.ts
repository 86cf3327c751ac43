import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { PriceOverride, PriceOverrides } from "./domains/prices.ts";
import { makeFolder } from "./engine/folder.ts";
import { LociError } from "./errors.ts";
import { lociHome } from "./place.ts";

/** The prices a person set: `prices.json` in our folder, dollars for a million tokens by model. */

type Environment = Readonly<Record<string, string | undefined>>;

export function priceFile(env: Environment): string {
  return join(lociHome(env), "prices.json");
}

export function readOwnPrices(env: Environment): PriceOverrides {
  const path = priceFile(env);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    // Nobody set a price.
    return {};
  }
  try {
    const parsed: unknown = JSON.parse(text);
    if (isRecord(parsed) && Object.values(parsed).every(isPrice)) {
      return Object.fromEntries(
        Object.entries(parsed).filter((entry): entry is [string, PriceOverride] => isPrice(entry[1])),
      );
    }
  } catch {
    // Not JSON: the same sentence as for JSON of another shape.
  }
  throw new LociError("config", `${path} does not hold prices.`, {
    where: path,
    next: 'Mend it, or remove it; it holds {"MODEL": {"input": 3, "output": 15}}',
  });
}

export function writeOwnPrices(env: Environment, prices: PriceOverrides): void {
  const path = priceFile(env);
  makeFolder(dirname(path));
  const next = `${path}.${process.pid}`;
  writeFileSync(next, `${JSON.stringify(prices, null, 2)}\n`, { mode: 0o600 });
  renameSync(next, path);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isPrice(value: unknown): value is PriceOverride {
  return (
    isRecord(value) &&
    isCharge(value["input"]) &&
    isCharge(value["output"]) &&
    Object.values(value).every(isCharge)
  );
}

function isCharge(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
