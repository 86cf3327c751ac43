// One of the processes that ask for the same cold key at once: says "ready", asks at "go", says when it loads, and
// answers what it got and when.
import { open } from "../../dist/index.js";

const { url, gets, loadMs, lease } = JSON.parse(process.argv[2]);
const loci = await open(url, { cache: { lease, patience: 30_000 } });
await loci.cache.get("warm");

const load = async () => {
  process.send({ loading: Date.now() });
  await new Promise((done) => setTimeout(done, loadMs));
  return { from: process.pid };
};

process.on("message", async () => {
  const values = await Promise.all(
    Array.from({ length: gets }, () => loci.cache.getOrSet("cold", load, { ttl: 60_000 })),
  );
  const distinct = [...new Set(values.map((value) => value.from))];
  process.send({ got: values.length, distinct, at: Date.now() }, () => {
    void loci.close().then(() => process.disconnect());
  });
});
process.send({ ready: true });
