import { afterEach, describe, expect, test } from "vitest";
import { createKnowledge } from "../../dist/domains/knowledge.js";
import { createMemory } from "../../dist/domains/memory.js";
import { tracedKnowledge, tracedMemory } from "../../dist/domains/memory-spans.js";
import { told } from "./world.ts";

interface Seen {
  readonly name: string;
  readonly attributes: Record<string, unknown>;
  status?: { readonly code: number };
  ended: number;
}

const registry = Symbol.for("opentelemetry.js.api.1");

/** What a program that has a tracer registers; a real one is in test/agents. */
function traced(startSpan?: () => never): Seen[] {
  const seen: Seen[] = [];
  const start = (name: string, { attributes }: { attributes: Record<string, unknown> }): object => {
    const span: Seen = { name, attributes: { ...attributes }, ended: 0 };
    seen.push(span);
    return {
      setAttribute: (key: string, value: unknown) => void (span.attributes[key] = value),
      setStatus: (status: { code: number }) => void (span.status = status),
      end: () => void span.ended++,
    };
  };
  Reflect.set(globalThis, registry, { trace: { getTracer: () => ({ startSpan: startSpan ?? start }) } });
  return seen;
}

afterEach(() => void Reflect.deleteProperty(globalThis, registry));

async function remembering(content = false) {
  const { engine } = await told();
  const parts = { now: Date.now };
  return {
    memory: tracedMemory(createMemory(engine, parts), { content }),
    knowledge: tracedKnowledge(createKnowledge(engine, parts), { content }),
  };
}

async function everything(content?: boolean): Promise<void> {
  const { memory, knowledge } = await remembering(content);
  const first = await memory.add({
    agentId: "architect",
    decisionType: "choice",
    decisionData: "use SQLite",
  });
  await memory.supersede(first.id, { decisionData: "use libSQL" });
  await memory.list({ agentId: "architect" });
  const entry = await knowledge.add({ category: "db", topic: "WAL", content: "one writer at a time" });
  await knowledge.search("who writes");
  await knowledge.recall("writer");
  await knowledge.supersede(entry.id, { content: "one writer, many readers" });
  await knowledge.remove(entry.id);
  await knowledge.remove("nothing").catch(() => undefined);
}

describe("what agents remember", () => {
  test("is a span each, by the names of the GenAI conventions, without what was remembered", async () => {
    const seen = traced();
    await everything();
    expect(seen.map(({ name, ended }) => `${name} ${ended}`)).toEqual([
      "create_memory 1",
      "update_memory 1",
      "search_memory 1",
      "create_memory 1",
      "search_memory 1",
      "search_memory 1",
      "update_memory 1",
      "delete_memory 1",
      "delete_memory 1",
    ]);
    expect(seen[0]?.attributes).toEqual({
      "gen_ai.operation.name": "create_memory",
      "gen_ai.provider.name": "loci",
      "gen_ai.memory.store.id": "loci.memory",
      "gen_ai.agent.id": "architect",
      "gen_ai.memory.record.id": expect.any(String) as string,
      "gen_ai.memory.record.count": 1,
    });
    expect(seen.at(-1)).toMatchObject({ attributes: { "error.type": "not-found" }, status: { code: 2 } });
    expect(JSON.stringify(seen)).not.toMatch(/SQLite|writer|who writes/);
  });

  test("stands in the span where that was asked for", async () => {
    const seen = traced();
    await everything(true);
    expect(seen[4]?.attributes["gen_ai.memory.query.text"]).toBe("who writes");
    expect(JSON.parse(String(seen[0]?.attributes["gen_ai.memory.records"]))).toMatchObject([
      { content: "use SQLite", metadata: { agentId: "architect" } },
    ]);
  });

  test("is remembered all the same without a tracer, and with one that throws", async () => {
    await everything();
    traced(() => {
      throw new Error("no span for you");
    });
    await everything();
    Reflect.set(globalThis, registry, { trace: null });
    await everything();
  });
});
