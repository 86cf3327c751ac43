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

/** Where something that is kept came from, and what it replaces. */
export const sessionFlag = { kind: "string", summary: "the session it is from", placeholder: "ID" } as const;

export const messageFlag = { kind: "string", summary: "the message it is from", placeholder: "ID" } as const;

export const supersedesFlag = {
  kind: "string",
  summary: "the older one it replaces",
  placeholder: "ID",
} as const;

export const historyFlag = { kind: "boolean", summary: "superseded ones too" } as const;

export const tagFlag = {
  kind: "list",
  summary: "a tag; may be given several times",
  placeholder: "TAG",
} as const;
