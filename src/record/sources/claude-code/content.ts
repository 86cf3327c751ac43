import { type JsonObject, objectOf, textOf } from "./line.ts";

/** One row to be: the text blocks of a line that belong together. */
export interface Part {
  readonly kind: "thinking" | "text" | "result";
  readonly text: string | null;
  /** What else stood there: images, documents, blocks that we do not know. */
  readonly blocks: readonly string[];
}

export interface Content {
  readonly parts: readonly Part[];
  readonly calls: readonly JsonObject[];
  readonly results: readonly JsonObject[];
}

const isCall = (type: string): boolean => type === "tool_use" || type.endsWith("_tool_use");
const isResult = (type: string): boolean => type === "tool_result" || type.endsWith("_tool_result");

/** Takes a message's content apart. Claude Code writes one block a line, other programs and versions several. */
export function contentOf(content: unknown): Content {
  if (typeof content === "string") {
    return { parts: [{ kind: "text", text: content, blocks: [] }], calls: [], results: [] };
  }
  const parts: Part[] = [];
  const calls: JsonObject[] = [];
  const results: JsonObject[] = [];
  for (const item of Array.isArray(content) ? content : []) {
    const block = typeof item === "string" ? { type: "text", text: item } : objectOf(item);
    const type = textOf(block?.["type"]) ?? "unknown";
    if (block === undefined) continue;
    if (isCall(type)) {
      calls.push(block);
      add(parts, { kind: "text", text: null, blocks: [] });
    } else if (isResult(type)) {
      results.push(block);
      add(parts, { kind: "result", text: null, blocks: [] });
    } else if (type === "text") {
      add(parts, { kind: "text", text: textOf(block["text"]) ?? null, blocks: [] });
    } else if (type === "thinking") {
      add(parts, { kind: "thinking", text: textOf(block["thinking"]) ?? null, blocks: [] });
    } else {
      add(parts, {
        kind: type === "redacted_thinking" ? "thinking" : "text",
        text: null,
        blocks: [nameOf(block)],
      });
    }
  }
  return { parts, calls, results };
}

function add(parts: Part[], part: Part): void {
  const last = parts.at(-1);
  if (last === undefined || last.kind !== part.kind) {
    parts.push(part);
    return;
  }
  const texts = [last.text, part.text].filter((text) => text !== null);
  parts[parts.length - 1] = {
    kind: part.kind,
    text: texts.length === 0 ? null : texts.join("\n\n"),
    blocks: [...last.blocks, ...part.blocks],
  };
}

/** `image/png` for an image, `document`, or whatever the block calls itself. */
function nameOf(block: JsonObject): string {
  const media = textOf(objectOf(block["source"])?.["media_type"]);
  return media ?? textOf(block["type"]) ?? "unknown";
}

/** What a tool answered, as text. Anything that is not text is named in brackets. */
export function resultText(content: unknown): string {
  if (typeof content === "string") return content;
  if (content === undefined || content === null) return "";
  if (!Array.isArray(content)) return jsonText(content);
  return content
    .map((item) => {
      if (typeof item === "string") return item;
      const block = objectOf(item);
      if (block === undefined) return "";
      if (block["type"] === "text" && typeof block["text"] === "string") return block["text"];
      if (block["type"] === "tool_reference") return `[tool ${textOf(block["tool_name"]) ?? ""}]`;
      return block["type"] === "image" || block["type"] === "document"
        ? `[${nameOf(block)}]`
        : jsonText(block);
    })
    .join("\n");
}

function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    // Nested deeper than the stack allows; the raw line has it.
    return "[too deep]";
  }
}
