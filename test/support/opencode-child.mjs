// Records a server of OpenCode into a store until its standard input ends, and says when it hears the server.
import { open } from "../../dist/index.js";
import { recordOpencode } from "../../dist/opencode.js";

const [url, store] = process.argv.slice(2);
const loci = await open(store);
await loci.recover();
const recorder = loci.recorder();
const recording = recordOpencode({ url }, { recorder, onProblem: () => undefined });
while (!(await recording.settled())) {
  // It may be starting.
}
process.stdout.write("recording\n");
process.stdin.resume();
process.stdin.once("end", async () => {
  await recording.close();
  await recorder.close();
  await loci.close();
  process.exit(0);
});
