import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** The process that a spool file belongs to. A number that a later process got again is told apart by its start. */
export interface Owner {
  /** The machine, its boot and its process namespace, as 8 hex digits: process numbers mean something only within. */
  readonly host: string;
  /** 0 where the recorder was closed before everything was in the store: anybody's. */
  readonly pid: number;
  /** When it started, as the system counts; 0 where the system does not say. */
  readonly start: number;
}

export function thisProcess(): Owner {
  return { host: hostTag(), pid: process.pid, start: startOf(process.pid) };
}

export type Life = "alive" | "dead" | "elsewhere";

export function lifeOf(owner: Owner, here: Owner): Life {
  if (owner.pid === 0) return "dead";
  if (owner.host !== here.host) return "elsewhere";
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    // EPERM: it lives, and is another user's.
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return "dead";
  }
  return owner.start === 0 || startOf(owner.pid) === owner.start ? "alive" : "dead";
}

function startOf(pid: number): number {
  const stat = readText(`/proc/${pid}/stat`);
  // The name in brackets may hold anything; the fields after it are counted from the third.
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? 0) || 0;
}

function hostTag(): string {
  const parts = [hostname(), readText("/proc/sys/kernel/random/boot_id").trim(), pidNamespace()];
  return createHash("sha256").update(parts.join("\u0000")).digest("hex").slice(0, 8);
}

function pidNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // No /proc on this system.
    return "";
  }
}
