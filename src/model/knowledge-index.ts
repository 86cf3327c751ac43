import { bytes, type Collection, id, integer, optional } from "./collection.ts";

/** What the index of knowledge knows of one entry. */
export interface IndexedKnowledge {
  readonly entryId: string;
  /** The segment that holds its terms; null while searches read the entry itself. */
  readonly segment: string | null;
  /** Of its category, topic and content: the same text is the same entry. */
  readonly digest: string;
}

export const knowledgeIndex: Collection<IndexedKnowledge> = {
  name: "knowledge_index",
  key: "entryId",
  fields: { entryId: id, segment: optional(id), digest: id },
  unique: [],
  indexes: [["segment"], ["digest"]],
};

/** A part of the index of knowledge: made once, then only merged into a larger one. Made from the entries. */
export interface KnowledgeSegment {
  readonly id: string;
  /** The number of its making: of two that are made at once, one is not. */
  readonly turn: number;
  readonly entries: number;
  /** How many words its entries have together. */
  readonly words: number;
}

export const knowledgeSegments: Collection<KnowledgeSegment> = {
  name: "knowledge_segments",
  key: "id",
  fields: { id, turn: integer, entries: integer, words: integer },
  unique: [["turn"]],
  indexes: [],
};

/** The entries of one segment that one term stands in, with their weights; or, by `#` and a number, ids of entries. */
export interface KnowledgeTerm {
  /** The segment's id, U+001F, the term. */
  readonly id: string;
  /** How many entries it stands in. */
  readonly entries: number;
  readonly postings: Uint8Array;
}

export const knowledgeTerms: Collection<KnowledgeTerm> = {
  name: "knowledge_terms",
  key: "id",
  fields: { id, entries: integer, postings: bytes },
  unique: [],
  indexes: [],
};
