/** Parameters that several operations take: the same name, letter and meaning everywhere. */

export const limitFlag = {
  kind: "integer",
  letter: "n",
  default: 20,
  min: 1,
  max: 1000,
  summary: "how many",
} as const;

export const allFlag = { kind: "boolean", letter: "a", summary: "all of them, however many" } as const;

export const projectFlag = {
  kind: "string",
  letter: "p",
  summary: "only this project: its folder's name, or its path",
  placeholder: "NAME",
} as const;

export const sinceFlag = {
  kind: "time",
  summary: "not before this: 2026-08-23, 7d, 12h, yesterday",
} as const;

export const untilFlag = { kind: "time", summary: "before this" } as const;

export const pageFlag = {
  kind: "string",
  summary: "go on behind a page: its `next`",
  placeholder: "NEXT",
} as const;
