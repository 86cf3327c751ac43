import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { insert } from "../../dist/engine/engine.js";
import { openLibsql, setAside } from "../../dist/engines/libsql/libsql.js";
import { job, jobs, suiteSchema, thing, things } from "../../dist/testing/index.js";
import { startChild } from "../support/child.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "loci-libsql-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function modes(path: string): Promise<Record<string, string>> {
  const names = await readdir(path);
  const entries = names.map(async (name) => [
    name,
    ((await stat(join(path, name))).mode & 0o777).toString(8),
  ]);
  return Object.fromEntries(await Promise.all(entries)) as Record<string, string>;
}

describe("files", () => {
  test.each([0o000, 0o022, 0o077])("are the user's alone under umask %o", async (mask) => {
    const before = process.umask(mask);
    try {
      const home = join(folder, `mask-${mask}`, "deep");
      await using engine = await openLibsql(join(home, "store.db"));
      await engine.prepare(suiteSchema);
      await engine.write([insert(things, [thing({ id: "a" })])]);
      expect(await modes(home)).toEqual({ "store.db": "600", "store.db-shm": "600", "store.db-wal": "600" });
      expect(((await stat(home)).mode & 0o777).toString(8)).toBe("700");
      await engine.backup(join(home, "copy.db"));
      expect((await modes(home))["copy.db"]).toBe("600");
    } finally {
      process.umask(before);
    }
  });

  test("a file that is no database is refused, set aside whole, and a new one is made", async () => {
    const home = join(folder, "damaged");
    await mkdir(home);
    const path = join(home, "store.db");
    const bytes = Buffer.from("This is not a database. ".repeat(500));
    await writeFile(path, bytes);
    for (const inThread of [true, false]) {
      await expect(openLibsql(path, { inThread })).rejects.toMatchObject({
        code: "corrupt",
        where: path,
        next: `loci doctor --db ${path}`,
      });
    }
    expect(await readFile(path)).toEqual(bytes);
    const aside = setAside(path);
    expect(aside).toMatch(/store\.db\.corrupt-\d{8}T\d{6}Z$/);
    expect(await readFile(aside)).toEqual(bytes);
    await using engine = await openLibsql(path);
    await engine.prepare(suiteSchema);
    expect(await engine.check()).toEqual([]);
  });

  test("a store that is damaged in the middle says so, and its parts are set aside together", async () => {
    const path = join(folder, "middle.db");
    {
      await using engine = await openLibsql(path);
      await engine.prepare(suiteSchema);
      await engine.write([
        insert(
          things,
          Array.from({ length: 500 }, (_, n) => thing({ id: `t${n}`, note: "x".repeat(500) })),
        ),
      ]);
    }
    const bytes = await readFile(path);
    bytes.fill(0xff, 4096, bytes.length - 4096);
    await writeFile(path, bytes);
    await using engine = await openLibsql(path).catch((error: unknown) => {
      expect(error).toMatchObject({ code: "corrupt" });
      return undefined;
    });
    if (engine) await expect(engine.find(things)).rejects.toMatchObject({ code: "corrupt", where: path });
    await writeFile(`${path}-wal`, "log");
    const aside = setAside(path, 0);
    expect(aside).toBe(`${path}.corrupt-19700101T000000Z`);
    expect(await readFile(`${aside}-wal`, "utf8")).toBe("log");
    await writeFile(path, "again");
    expect(setAside(path, 0)).toBe(`${aside}-2`);
  });

  test("text that is no longer UTF-8 is read, and does not end the process", async () => {
    const path = join(folder, "rotten.db");
    const marked = { note: `MARK ${"x".repeat(9000)} MARK`, labels: { key: "MARK" }, name: "MARK" };
    {
      await using engine = await openLibsql(path);
      await engine.prepare(suiteSchema);
      await engine.write([insert(things, [thing({ id: "a", ...marked })])]);
    }
    const bytes = await readFile(path);
    let found = 0;
    for (let at = bytes.indexOf("MARK"); at >= 0; at = bytes.indexOf("MARK", at)) {
      bytes.fill(0xff, at, at + 4);
      found++;
    }
    expect(found).toBeGreaterThanOrEqual(4);
    await writeFile(path, bytes);
    for (const inThread of [true, false]) {
      await using engine = await openLibsql(path, { inThread });
      const [row] = await engine.find(things);
      expect(row?.note).toMatch(/^\ufffd{4} x+ \ufffd{4}$/);
      expect(row?.labels).toEqual({ key: "\ufffd".repeat(4) });
      const [group] = await engine.rollup(things, { by: ["name"], measures: { n: "count" } });
      expect(group).toEqual({ name: "\ufffd".repeat(4), n: 1 });
    }
  });

  test("what another program wrote wrongly into our tables is named", async () => {
    const path = join(folder, "strange.db");
    await using engine = await openLibsql(path);
    await engine.prepare(suiteSchema);
    await engine.write([insert(things, [thing({ id: "a" })])]);
    const other = new Database(path, { timeout: 5000 });
    for (const [column, value] of [
      ["made_at", "yesterday"],
      ["labels", "{"],
      ["count", 2 ** 60],
    ]) {
      other.prepare(`update suite_things set ${column} = ?`).run([value]);
      await expect(engine.find(things)).rejects.toMatchObject({ code: "corrupt" });
      other.prepare("update suite_things set made_at = '2026-01-01', labels = null, count = 1").run([]);
      expect((await engine.find(things))[0]?.madeAt).toBe(Date.UTC(2026, 0, 1));
    }
    other.close();
  });

  test("another program's database is refused and stays as it was", async () => {
    const path = join(folder, "foreign.db");
    const other = new Database(path);
    other.exec("create table users (id integer)");
    other.close();
    const before = await readFile(path);
    for (const options of [{}, { inThread: true }, { readonly: true }]) {
      await expect(openLibsql(path, options)).rejects.toMatchObject({
        code: "config",
        message: expect.stringContaining("another program (it has users)"),
      });
    }
    expect(await readFile(path)).toEqual(before);
  });

  test("an empty file becomes a store", async () => {
    const path = join(folder, "empty.db");
    await writeFile(path, "");
    await using engine = await openLibsql(path);
    await engine.prepare(suiteSchema);
    expect(await engine.find(things)).toEqual([]);
  });

  test("a folder in the file's place, and a file in the folder's, are named", async () => {
    await expect(openLibsql(folder)).rejects.toMatchObject({
      code: "config",
      message: expect.stringContaining("is a folder"),
    });
    const file = join(folder, "plain");
    await writeFile(file, "");
    await expect(openLibsql(join(file, "x", "store.db"))).rejects.toMatchObject({ code: "config" });
  });

  test("no right to write is named, and so is no right to read", async () => {
    // Root may do everything: the other process is nobody then.
    const root = userInfo().uid === 0;
    const as = root ? { uid: 65_534, gid: 65_534 } : {};
    const home = join(folder, "locked");
    await mkdir(home);
    const path = join(home, "store.db");
    {
      await using engine = await openLibsql(path);
      await engine.prepare(suiteSchema);
    }
    if (root) await chmod(folder, 0o755);
    await chmod(home, 0o555);
    const fresh = await startChild("tryOpen", { url: join(home, "new.db") }, as).result;
    expect(fresh).toMatchObject({ error: { code: "permission" } });
    await chmod(path, 0o000);
    const there = await startChild("tryOpen", { url: path }, as).result;
    expect(there).toMatchObject({ error: { code: "permission", where: path } });
    await chmod(home, 0o700);
  });

  test("for reading only, nothing is made and nothing changes", async () => {
    await expect(openLibsql(join(folder, "nowhere.db"), { readonly: true })).rejects.toMatchObject({
      code: "not-found",
    });
    const path = join(folder, "read.db");
    await using writer = await openLibsql(path);
    await writer.prepare(suiteSchema);
    await writer.write([insert(things, [thing({ id: "a" })])]);
    await using reader = await openLibsql(path, { readonly: true });
    await reader.prepare(suiteSchema);
    expect(await reader.find(things)).toHaveLength(1);
    await expect(reader.write([insert(things, [thing({ id: "b" })])])).rejects.toMatchObject({
      code: "read-only",
    });
  });

  test("a backup made while others write is whole", async () => {
    const path = join(folder, "busy.db");
    await using engine = await openLibsql(path);
    await engine.prepare(suiteSchema);
    let writing = true;
    const writes = (async () => {
      for (let n = 0; writing; n++) {
        await engine.write([insert(things, [thing({ id: `t${n}` })]), insert(jobs, [job({ id: `t${n}` })])]);
      }
    })();
    for (let n = 0; n < 3; n++) {
      const target = join(folder, `busy-copy-${n}.db`);
      await engine.backup(target);
      await using copy = await openLibsql(target);
      expect(await copy.check()).toEqual([]);
      expect(await copy.find(things, { fields: ["id"] })).toEqual(await copy.find(jobs, { fields: ["id"] }));
    }
    writing = false;
    await writes;
    await expect(engine.backup(join(folder, "busy-copy-0.db"))).rejects.toMatchObject({ code: "config" });
  });
});
