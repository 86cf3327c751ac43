import { LociError } from "../../../errors.ts";
import type { Server } from "../sdk.ts";
import type { ServerParts } from "../server.ts";
import { protocolFault } from "./faults.ts";
import { type Prompt, promptArguments, prompts } from "./prompts.ts";
import { completed, listedSessions, readResource, schemaResource, templates } from "./resources.ts";
import { createSources, type Sources } from "./sources.ts";

/** What the server says it has, beside tools. */
export const contextCapabilities: Record<"resources" | "prompts" | "completions", Record<string, never>> = {
  resources: {},
  prompts: {},
  completions: {},
};

/** Resources, prompts and the completion of ids: what a person points at, where a model calls tools. */
export function serveContext(server: Server, parts: ServerParts): void {
  const sources = async (signal: AbortSignal): Promise<Sources> =>
    createSources(await parts.open(), parts, signal);

  server.setRequestHandler("resources/templates/list", () => ({
    resourceTemplates: templates.map((template) => ({ ...template, mimeType: "text/plain" })),
  }));
  server.setRequestHandler("resources/list", async ({ params }, { mcpReq }) => {
    const cursor = params?.cursor;
    const first = cursor === undefined ? [{ ...schemaResource }] : [];
    try {
      const { resources, nextCursor } = await listedSessions(await sources(mcpReq.signal), cursor);
      return { resources: [...first, ...resources], ...(nextCursor === undefined ? {} : { nextCursor }) };
    } catch (error) {
      // Clients list at their start: a store that cannot be opened says so when something of it is read.
      if (cursor === undefined) return { resources: first };
      throw protocolFault(error);
    }
  });
  server.setRequestHandler("resources/read", async ({ params: { uri } }, { mcpReq }) => {
    try {
      const text = await readResource(await sources(mcpReq.signal), uri.slice(0, 2_000));
      return { contents: [{ uri, mimeType: "text/plain", text }] };
    } catch (error) {
      throw protocolFault(error, uri);
    }
  });

  server.setRequestHandler("prompts/list", () => ({
    prompts: prompts.map(({ build: _, arguments: all, ...prompt }) => ({
      ...prompt,
      arguments: all.map((argument) => ({ ...argument })),
    })),
  }));
  server.setRequestHandler("prompts/get", async ({ params }, { mcpReq }) => {
    try {
      const prompt = promptNamed(params.name);
      const args = promptArguments(prompt, params.arguments);
      const text = await prompt.build(await sources(mcpReq.signal), args);
      return {
        description: prompt.description,
        messages: [{ role: "user" as const, content: { type: "text" as const, text } }],
      };
    } catch (error) {
      throw protocolFault(error);
    }
  });

  server.setRequestHandler("completion/complete", async ({ params: { ref, argument } }, { mcpReq }) => {
    const of = kindOf(ref, argument.name);
    if (of === undefined) return { completion: { values: [] } };
    try {
      return { completion: await completed(await sources(mcpReq.signal), of, argument.value) };
    } catch {
      // Somebody is typing: what is wrong with the store is said when it is read.
      return { completion: { values: [] } };
    }
  });
}

function promptNamed(name: string): Prompt {
  const found = prompts.find((prompt) => prompt.name === name);
  if (found !== undefined) return found;
  throw new LociError("not-found", "There is no prompt of that name.", {
    next: `Prompts are ${prompts.map((prompt) => prompt.name).join(", ")}.`,
  });
}

type Reference =
  | { readonly type: "ref/resource"; readonly uri: string }
  | { readonly type: "ref/prompt"; readonly name: string };

function kindOf(ref: Reference, argument: string): "session" | "knowledge" | "checkpoint" | undefined {
  if (ref.type === "ref/prompt") return argument === "session" ? "session" : undefined;
  const [, kind] = /^loci:\/\/(session|knowledge|checkpoint)\/\{id\}/.exec(ref.uri) ?? [];
  if (argument !== "id") return undefined;
  return kind === "session" || kind === "knowledge" || kind === "checkpoint" ? kind : undefined;
}
