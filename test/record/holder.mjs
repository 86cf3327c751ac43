// Holds the write lock of a database until it is told to let go: node holder.mjs FILE
import Database from "libsql";

const db = new Database(process.argv[2]);
db.exec("begin immediate");
process.on("message", () => {
  db.exec("commit");
  db.close();
  process.disconnect();
});
process.send("held");
