import { once } from "node:events";
import { type Elsewhere, openElsewhere } from "./opened.ts";
import { jobs, takeAll } from "./things.ts";

/** One of the processes that share a queue in the suite. Prints the ids that it took. */
const [, , elsewhere = "", by = ""] = process.argv;
// Written by the test that starts this process.
const address: Elsewhere = JSON.parse(elsewhere);
const engine = await openElsewhere(address);
await engine.find(jobs, { limit: 1 });
process.send?.("ready");
await once(process, "message");

const ids = await takeAll(engine, by);
await engine.close();
process.stdout.write(JSON.stringify(ids));
process.disconnect?.();
