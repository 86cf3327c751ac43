// A program that records: run by the tests as another process, and ended in every way a process can end.
// node host.mjs '{"folder":…,"session":…,"end":…}'
import { appendFileSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createRecorder } from "../../dist/record/recorder.js";

const {
  folder,
  session,
  count = 1_000_000_000,
  rate = 0,
  end,
  drain = true,
  bytes = 200,
  store = join(folder, "loci.db"),
} = JSON.parse(process.argv[2]);
const started = performance.now();
const recorder = createRecorder({
  spool: join(folder, "loci.spool"),
  store,
  drain,
  warn: false,
});
// One byte for each happening that record() has answered for: what may never be lost.
const acknowledged = openSync(join(folder, `${session}.ack`), "a");
const filler = "x".repeat(bytes);

function say(number) {
  // A test that was ended does not leave its programs behind.
  if (number % 1_000 === 0 && performance.now() - started > 60_000) process.exit(99);
  const id = recorder.record({
    kind: "message",
    sessionId: session,
    role: "user",
    content: `${number} ${filler}`,
  });
  if (id !== undefined) writeSync(acknowledged, ".");
}

// A message, so that the one who waits for it knows that this program runs; before the channel can be closed.
process.send?.("recording");
if (rate === 0) {
  for (let number = 1; number <= count; number++) say(number);
  await finish();
} else {
  let number = 0;
  const timer = setInterval(() => {
    for (let n = 0; n < rate / 100 && number < count; n++) say(++number);
    if (number < count) return;
    clearInterval(timer);
    void finish();
  }, 10);
}

async function finish() {
  const tally = { ...recorder.tally, ms: performance.now() - started };
  if (end === "close")
    appendFileSync(join(folder, `${session}.tally`), JSON.stringify(await recorder.close()));
  if (end === "exit") process.exit(0);
  if (end === "exit 7") process.exit(7);
  if (end === "throw") {
    setImmediate(() => {
      throw new Error("the host's own");
    });
  }
  if (end === "memory") {
    const hoard = [];
    for (;;) hoard.push(new Array(100_000).fill(hoard.length));
  }
  if (end === "wait") setInterval(() => undefined, 1_000);
  if (end === "block") {
    // The thread runs by now; these lines come while it does, and this loop stands still right after.
    await recorder.flush();
    for (let number = count + 1; number <= 2 * count; number++) say(number);
    const until = performance.now() + 1_500;
    while (performance.now() < until);
    appendFileSync(join(folder, `${session}.tally`), JSON.stringify(recorder.tally));
    process.exit(0);
  }
  process.send?.(tally);
  if (process.connected) process.disconnect();
}
