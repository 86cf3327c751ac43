import type { Dialect } from "../sql/dialect.ts";
import { feedInSteps } from "../sql/sqlite-feed.ts";
import { createSqliteDialect, plainColumns } from "../sql/sqlite.ts";

const sqlite = createSqliteDialect("turso", plainColumns);

/** Where Turso 0.7.2 answers other than SQLite does. */
export const tursoDialect: Dialect = {
  ...sqlite,
  feed: feedInSteps,
  // `unixepoch` cuts a fraction towards zero: before 1970 that is a second too late.
  millis: (expression) =>
    `(unixepoch(substr(${expression}, 1, 19)) * 1000 + cast(substr(${expression}, 21, 3) as integer))`,
  anyOf({ column, kind, values }, writer) {
    const list = values.map((value) => sqlite.encode(kind, value));
    const text = JSON.stringify(list);
    if (!text.includes("\\")) return `${column} in (select value from json_each(${writer.place(text)}))`;
    // `json_each` leaves what JSON escapes as it is written.
    const bytes = list.map((value) =>
      typeof value === "string" ? Buffer.from(value).toString("hex") : value,
    );
    const place = writer.place(JSON.stringify(bytes));
    return `${column} in (select cast(unhex(value) as text) from json_each(${place}))`;
  },
};
