// One of the processes that count on one key of a blackboard, each time by compare-and-set.
const { open } = await import(new URL("../../dist/index.js", import.meta.url).href);
const { url, times } = JSON.parse(process.argv[2] ?? "{}");
const loci = await open(url, { inThread: true });
const { blackboard } = loci.swarm("counting");
let refused = 0;
for (let done = 0; done < times; ) {
  const entry = await blackboard.get("count");
  const answer = await blackboard.compareAndSet("count", entry?.version ?? 0, {
    value: (entry?.value ?? 0) + 1,
  });
  if (answer.set) done++;
  else refused++;
}
await loci.close();
process.stdout.write(`${JSON.stringify({ refused })}\n`);
