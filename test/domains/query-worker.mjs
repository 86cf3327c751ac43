// One of the processes that measure the same queries: asks, stores what it measured, again and again.
const { open } = await import(new URL("../../dist/index.js", import.meta.url).href);
const { locks } = await import(new URL("../../dist/model/lock.js", import.meta.url).href);
const [, , given = "{}"] = process.argv;
const { url, rounds, asks } = JSON.parse(given);
const loci = await open(url, { inThread: true, slowQuery: 0 });
process.send("ready");
await new Promise((resolve) => process.once("message", resolve));
for (let round = 0; round < rounds; round++) {
  for (let i = 0; i < asks; i++) await loci.engine.find(locks, { where: { owner: "nobody" }, limit: 3 });
  await loci.queries.flush();
}
await loci.close();
process.disconnect();
