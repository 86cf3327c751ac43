import type { PriceItem, PricesAnswer } from "../../../operations/prices.ts";
import { type AnyView, view } from "../output.ts";
import { counted } from "../people.ts";

const charge = (usd: number): string => `$${Number(usd.toFixed(4))}`;

export const pricesView: AnyView = view<PricesAnswer, PriceItem>({
  rows: (answer) => answer.items,
  columns: () => [
    { title: "MODEL", cell: (row) => row.model, flexible: 12 },
    {
      title: "SINCE",
      cell: (row) => row.from ?? "set by you",
      tone: ({ own }) => (own ? "green" : undefined),
      priority: 2,
    },
    { title: "INPUT", cell: (row) => charge(row.input), align: "right" },
    { title: "OUTPUT", cell: (row) => charge(row.output), align: "right" },
    { title: "CACHE READ", cell: (row) => charge(row.cacheRead), align: "right", priority: 1 },
    { title: "WRITE 5 MIN", cell: (row) => charge(row.cacheWrite5m), align: "right", priority: 3 },
    { title: "WRITE 1 H", cell: (row) => charge(row.cacheWrite1h), align: "right", priority: 4 },
  ],
  fields: () =>
    (["model", "from", "input", "output", "cacheRead", "cacheWrite5m", "cacheWrite1h", "own"] as const).map(
      (name) => ({ name, value: (row) => row[name] }),
    ),
  empty: () => "No price is known for that: loci prices set MODEL --in N --out N",
  hints: ({ date, changed }) => [
    ...(changed > 0 ? [`the cost of ${counted(changed, "call")} was set again`] : []),
    `dollars for a million tokens; the list is of ${date}; another price: loci prices set MODEL --in N --out N`,
  ],
});
