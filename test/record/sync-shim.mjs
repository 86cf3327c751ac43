// The opener of a store that is away. It is loaded in the recorder's thread, and writes down from then on how much of
// each file was on the disk, and when, as fdatasync says.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const log = fs.openSync(process.env["SYNC_LOG"], "a");
const { fdatasync } = fs;
fs.fdatasync = (fd, done) => {
  // What the file holds when the call begins is on the disk when it ends.
  const { size } = fs.fstatSync(fd);
  const file = fs.readlinkSync(`/proc/self/fd/${fd}`);
  fdatasync(fd, (error) => {
    if (error === null) fs.writeSync(log, `${JSON.stringify({ file, size, at: Date.now() })}\n`);
    done(error);
  });
};
syncBuiltinESMExports();

export async function openDrainStore() {
  throw Object.assign(new Error("The server does not answer."), { name: "LociError", code: "unreachable" });
}
