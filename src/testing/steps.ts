import { type Collection, id, optional, text } from "../model/collection.ts";
import type { Schema } from "../model/schema.ts";

/** What the cards of the suite become in three steps: made, given a color, made anew. */
export interface Card {
  readonly id: string;
  readonly title: string;
  readonly color: string | null;
}

export const firstCards: Collection<Omit<Card, "color">> = {
  name: "suite_cards",
  key: "id",
  fields: { id, title: text },
  unique: [],
  indexes: [["title"]],
};

export const cards: Collection<Card> = {
  ...firstCards,
  fields: { id, title: text, color: optional(text) },
};

export const firstSchema: Schema = {
  table: "suite_cards_version",
  migrations: [{ version: 1, summary: "cards", create: [firstCards] }],
};

export const secondSchema: Schema = {
  ...firstSchema,
  migrations: [
    ...firstSchema.migrations,
    { version: 2, summary: "colors", add: [{ to: cards, fields: ["color"] }] },
  ],
};

export const thirdSchema: Schema = {
  ...firstSchema,
  migrations: [...secondSchema.migrations, { version: 3, summary: "a new table", rewrite: [cards] }],
};
