// A process that writes pairs of messages, or makes or restores a backup, until it is killed.
import { open } from "../../dist/index.js";

const [what, url, id] = process.argv.slice(2);
const loci = await open(url);
process.stdout.write("ready\n");
if (what === "restore") await loci.backups.restore(id);
if (what === "backup") for (;;) await loci.backups.create();
if (what === "write") {
  const pair = (n) =>
    ["a", "b"].map((half) => ({
      kind: "message",
      id: `${half}${n}`,
      sessionId: "pairs",
      role: "user",
      content: `${half} of ${n}`,
    }));
  for (let n = 0; ; n++) await loci.add(pair(`${process.pid}-${n}`));
}
await loci.close();
