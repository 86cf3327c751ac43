import { existsSync, readdirSync, statfsSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { NamedCheck } from "../doctor.ts";
import { findHistory } from "../history.ts";
import { nearest } from "../nearest.ts";
import type { Context } from "../operation.ts";

/** Everything that does not need the store. */
export function machineChecks({ env }: Context): readonly NamedCheck[] {
  const home = env["LOCI_HOME"] ? resolve(env["LOCI_HOME"]) : join(env["HOME"] || homedir(), ".loci");
  return [
    { name: "node", look: nodeVersion },
    { name: "environment", look: () => variables(env) },
    { name: "disk", look: () => freeSpace(home) },
    { name: "file system", look: () => fileSystem(home) },
    { name: "folder", look: () => folderMode(home) },
    { name: "reports", look: () => bugReports(home) },
    { name: "transcripts", look: () => transcripts(env) },
  ];
}

function nodeVersion(): ReturnType<NamedCheck["look"]> {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const fits = major > 20 || (major === 20 && minor >= 19);
  return {
    state: fits ? "ok" : "fail",
    fact: `${process.version}, ${process.platform} ${process.arch}`,
    fix: fits ? undefined : "Loci needs Node 20.19 or newer: https://nodejs.org",
  };
}

const ours = [
  "LOCI_URL",
  "LOCI_AUTH_TOKEN",
  "LOCI_SQL_URL",
  "LOCI_SQL_TOKEN",
  "LOCI_HOME",
  "LOCI_LIMIT",
  "LOCI_FORMAT",
  "LOCI_REDACT",
  "LOCI_CONTEXT",
];

function variables(env: Context["env"]): ReturnType<NamedCheck["look"]> {
  const set = Object.keys(env).filter((name) => name.startsWith("LOCI_") && !name.startsWith("LOCI_TEST_"));
  const odd = set.filter((name) => !ours.includes(name));
  if (odd.length > 0) {
    const [first = ""] = odd;
    const meant = nearest(first, ours);
    return {
      state: "warn",
      fact: `${odd.join(", ")} is set and means nothing`,
      fix: meant ? `Did you mean ${meant}?` : `Known are ${ours.join(", ")}`,
    };
  }
  if (env["TURSO_DATABASE_URL"] && !env["TURSO_AUTH_TOKEN"] && !env["LOCI_URL"]) {
    return {
      state: "warn",
      fact: "TURSO_DATABASE_URL is set without TURSO_AUTH_TOKEN, and is not used",
      fix: "Set both, or LOCI_URL",
    };
  }
  return { state: "ok", fact: set.length === 0 ? "nothing of ours is set" : `${set.join(", ")} set` };
}

/** The nearest folder above that is there. */
function existing(path: string): string {
  let at = path;
  while (!existsSync(at) && at !== resolve(at, "..")) at = resolve(at, "..");
  return at;
}

function freeSpace(home: string): ReturnType<NamedCheck["look"]> {
  const { bavail, bsize } = statfsSync(existing(home));
  const free = bavail * bsize;
  const fact = `${(free / 1e9).toFixed(1)} GB free`;
  if (free < 1e8) return { state: "fail", fact, fix: "Make room: recording stops when the disk is full" };
  return { state: free < 1e9 ? "warn" : "ok", fact, fix: free < 1e9 ? "Make room soon" : undefined };
}

/** File systems on which locks or shared memory between machines do not hold (statfs(2), f_type). */
const shared: Readonly<Record<number, string>> = {
  0x6969: "NFS",
  0x517b: "SMB",
  0xff534d42: "CIFS",
  0xfe534d42: "SMB2",
  0x01021997: "9p",
  0x65735546: "FUSE",
};

function fileSystem(home: string): ReturnType<NamedCheck["look"]> {
  const { type } = statfsSync(existing(home));
  const name = shared[type >>> 0];
  if (name === undefined) return { state: "ok", fact: `local (type 0x${(type >>> 0).toString(16)})` };
  return {
    state: "warn",
    fact: `${name}: files may be damaged when two machines write at once`,
    fix: "Set LOCI_HOME to a folder on a local disk",
  };
}

function folderMode(home: string): ReturnType<NamedCheck["look"]> {
  if (!existsSync(home)) return { state: "ok", fact: `${home} is not there yet` };
  const mode = statSync(home).mode & 0o777;
  const open = process.platform !== "win32" && (mode & 0o077) !== 0;
  return {
    state: open ? "warn" : "ok",
    fact: `${home} ${mode.toString(8).padStart(4, "0")}`,
    fix: open ? `chmod 700 ${home}` : undefined,
    repair: open
      ? async () => {
          const { chmodSync } = await import("node:fs");
          chmodSync(home, 0o700);
          return "closed to others";
        }
      : undefined,
  };
}

function bugReports(home: string): ReturnType<NamedCheck["look"]> {
  const folder = join(home, "reports");
  const count = existsSync(folder) ? readdirSync(folder).length : 0;
  return {
    state: count === 0 ? "ok" : "warn",
    fact: count === 0 ? "no bug was met" : `${count} in ${folder}`,
    fix: count === 0 ? undefined : "Please send them, then remove them",
  };
}

function transcripts(env: Context["env"]): ReturnType<NamedCheck["look"]> {
  const { folders, holding, files, bytes } = findHistory(env);
  const folder = folders.join(", ");
  if (files.length > 0) {
    return {
      state: "ok",
      fact: `${files.length} files, ${(bytes / 1e6).toFixed(1)} MB in ${holding.join(", ")}`,
    };
  }
  return {
    state: "warn",
    fact: `none in ${folder}`,
    fix: "loci import PATH, if they are elsewhere; loci demo",
  };
}
