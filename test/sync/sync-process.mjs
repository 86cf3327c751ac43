// Syncs a file with a hub, a small piece at a time, until somebody kills it.
import { open } from "loci";

const [path, url] = process.argv.slice(2);
const loci = await open(path, { sync: { url, mode: "push" } });
process.stdout.write("begun\n");
await loci.sync.run();
await loci.close();
