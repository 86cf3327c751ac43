import { once } from "node:events";
import { type Elsewhere, openElsewhere } from "./opened.ts";
import { jobs } from "./things.ts";

/** One of the processes of "take gives each row to one taker among 8 processes". Prints the ids that it took. */
const [, , elsewhere = "", by = ""] = process.argv;
// Written by the test that starts this process.
const engine = await openElsewhere(JSON.parse(elsewhere) as Elsewhere);
await engine.find(jobs, { limit: 1 });
process.send?.("ready");
await once(process, "message");

const ids: string[] = [];
for (;;) {
  const taken = await engine.take(
    jobs,
    { where: { state: "ready" }, orderBy: [["priority", "down"]], limit: 3 },
    { state: "taken", by, attempts: { add: 1 } },
  );
  ids.push(...taken.map(({ id }) => id));
  // Others may hold the last rows and still let go of them: only a look without locks tells that none is left.
  if (taken.length === 0 && (await engine.find(jobs, { where: { state: "ready" }, limit: 1 })).length === 0)
    break;
}
await engine.close();
process.stdout.write(JSON.stringify(ids));
process.disconnect?.();
