import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { makeFolder } from "../engine/folder.ts";
import type { Noted } from "../model/happening.ts";
import type { Owner } from "./owner.ts";

/*
 * The spool is a folder (0700) of segment files (0600), written by append only:
 *
 *   <recorder id>.<segment, 6 digits>.<host>-<pid>-<start>.spool
 *
 * A line is   <number> <dropped> <crc32> <happening as JSON>\n   in UTF-8, where `number` counts the recorder's
 * happenings from 1, `dropped` says how many of those before it were dropped, and the checksum (8 hex digits) is of
 * the JSON's bytes, begun with the two numbers. number - dropped is the line's rank among the recorder's lines: a jump in it is a lost line.
 */

/** A segment is followed by the next one when it is this long. */
export const segmentBytes: number = 8 * 1024 * 1024;

/** A longer line is not taken in. */
export const lineBytes: number = 16 * 1024 * 1024;

export interface SegmentName {
  readonly recorder: string;
  readonly segment: number;
  readonly owner: Owner;
}

export function segmentFile({ recorder, segment, owner }: SegmentName): string {
  return `${recorder}.${String(segment).padStart(6, "0")}.${owner.host}-${owner.pid}-${owner.start}.spool`;
}

export function parseSegmentFile(file: string): SegmentName | undefined {
  const match = /^([0-9a-f-]{36})\.(\d{6,})\.([0-9a-f]{8})-(\d+)-(\d+)\.spool$/.exec(file);
  if (match === null) return undefined;
  const [, recorder = "", segment, host = "", pid, start] = match;
  return { recorder, segment: Number(segment), owner: { host, pid: Number(pid), start: Number(start) } };
}

/** Makes the folder ours alone; one that is there and open to others is closed. */
export function makeSpoolFolder(folder: string): void {
  makeFolder(folder);
  if ((statSync(folder).mode & 0o077) !== 0) chmodSync(folder, 0o700);
}

export interface SpoolWriter {
  /** The segment that is written to; 0 before the first. */
  readonly segment: () => number;
  /** Bytes in it. */
  readonly size: () => number;
  /** One line, in one call to the system. Throws the system's error, and leaves no part of the line then. */
  readonly append: (number: number, dropped: number, json: string) => void;
  readonly close: () => void;
}

const header = 40;

/** The writing side. Nothing is opened before the first line. */
export function createSpoolWriter(folder: string, recorder: string, owner: Owner): SpoolWriter {
  let fd = -1;
  let segment = 0;
  let size = 0;
  let torn = false;
  const small = Buffer.allocUnsafe(64 * 1024);

  function next(): void {
    if (segment === 0) makeSpoolFolder(folder);
    const path = join(folder, segmentFile({ recorder, segment: segment + 1, owner }));
    const { O_APPEND, O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = constants;
    const opened = openSync(path, O_APPEND | O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600);
    if (fd !== -1) closeSync(fd);
    fd = opened;
    segment++;
    size = 0;
    torn = false;
  }

  function put(bytes: Buffer): void {
    let done = 0;
    try {
      while (done < bytes.length) done += writeSync(fd, bytes, done, bytes.length - done);
    } catch (error) {
      // A full disk takes a part of a line: take it back, or close it off when even that fails.
      if (done > 0) {
        try {
          ftruncateSync(fd, size);
        } catch {
          size += done;
          torn = true;
        }
      }
      throw error;
    }
    size += bytes.length;
  }

  return {
    segment: () => segment,
    size: () => size,
    append(number, dropped, json) {
      if (fd === -1 || size >= segmentBytes) next();
      if (torn) {
        put(Buffer.from("\n"));
        torn = false;
      }
      const room = json.length * 3 + header + 1;
      const buffer = room <= small.length ? small : Buffer.allocUnsafe(header + Buffer.byteLength(json) + 1);
      const end = header + buffer.write(json, header);
      const sum = checksum(buffer.subarray(header, end), number, dropped);
      const head = `${number} ${dropped} ${sum} `;
      const start = header - head.length;
      buffer.write(head, start, "latin1");
      buffer[end] = 10;
      put(buffer.subarray(start, end + 1));
    },
    close() {
      if (fd !== -1) closeSync(fd);
      fd = -1;
    },
  };
}

export interface SpoolLine {
  readonly number: number;
  readonly dropped: number;
  readonly happening: Noted;
}

export interface SpoolBatch {
  readonly lines: readonly SpoolLine[];
  /** Whole lines that cannot be read. */
  readonly damaged: number;
  /** Where the next batch begins. */
  readonly end: number;
  /** Nothing whole stands behind `end` now. */
  readonly last: boolean;
  /** Bytes behind `end` that are not a whole line. */
  readonly rest: number;
}

/** Reads whole lines from `offset`, up to so many lines and about so many bytes. */
export function readLines(fd: number, offset: number, limits: { lines: number; bytes: number }): SpoolBatch {
  const size = fstatSync(fd).size;
  let chunk = Buffer.alloc(0);
  let newline = -1;
  // One line may be longer than the batch: then as much as it takes.
  for (let want = limits.bytes; newline === -1; want *= 4) {
    const length = Math.min(want, size - offset);
    if (length <= chunk.length) return { lines: [], damaged: 0, end: offset, last: true, rest: chunk.length };
    chunk = Buffer.allocUnsafe(length);
    chunk = chunk.subarray(0, readSync(fd, chunk, 0, length, offset));
    newline = chunk.lastIndexOf(10);
  }
  const lines: SpoolLine[] = [];
  let damaged = 0;
  let start = 0;
  while (start <= newline && lines.length < limits.lines) {
    const end = chunk.indexOf(10, start);
    const line = end === start ? null : parseLine(chunk.subarray(start, end));
    if (line === undefined) damaged++;
    else if (line !== null) lines.push(line);
    start = end + 1;
  }
  const last = start > newline && offset + chunk.length >= size;
  return { lines, damaged, end: offset + start, last, rest: last ? chunk.length - start : 0 };
}

function parseLine(bytes: Buffer): SpoolLine | undefined {
  const match = /^(\d{1,15}) (\d{1,15}) ([0-9a-f]{8}) /.exec(bytes.toString("latin1", 0, header));
  if (match === null) return undefined;
  const [head, number, dropped, sum] = match;
  const body = bytes.subarray(head.length);
  if (checksum(body, Number(number), Number(dropped)) !== sum) return undefined;
  try {
    // The checksum says that these are the bytes the recorder wrote, and it writes happenings.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const happening = JSON.parse(body.toString()) as Noted;
    return { number: Number(number), dropped: Number(dropped), happening };
  } catch {
    return undefined;
  }
}

function checksum(json: Buffer, number: number, dropped: number): string {
  return crc32(json, (number * 31 + dropped) >>> 0)
    .toString(16)
    .padStart(8, "0");
}
