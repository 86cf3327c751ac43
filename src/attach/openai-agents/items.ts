import { type Fields, fieldsOf, listOf, textOf } from "../quiet.ts";

/** Who said an item, and what: of a message its words, of a call or a result what it holds. */
export function saidIn(item: unknown): { readonly role: string; readonly text: string | null } {
  const given = fieldsOf(item);
  const type = textOf(given["type"]) ?? "message";
  if (type.endsWith("_result") || type.endsWith("_output"))
    return { role: "tool", text: wordsOf(given["output"]) };
  if (type.endsWith("_call")) return { role: "assistant", text: null };
  const role = textOf(given["role"]) ?? "assistant";
  return { role, text: wordsOf(given["content"]) };
}

function wordsOf(content: unknown): string | null {
  if (typeof content === "string") return content;
  const parts = (Array.isArray(content) ? content : [content]).map(fieldsOf);
  const texts = parts.flatMap((part) => textOf(part["text"]) ?? textOf(part["refusal"]) ?? []);
  return texts.length === 0 ? null : texts.join("\n");
}

/** Messages among the items of a call: what was asked since the last answer, or what was answered. */
export function messagesIn(
  items: unknown,
  answered: boolean,
): Array<{ readonly role: string; readonly text: string }> {
  if (typeof items === "string") return [{ role: "user", text: items }];
  const list = listOf(items);
  const last = list.findLastIndex((item) => isAnswer(fieldsOf(item)));
  return (answered ? list : list.slice(last + 1)).flatMap((item) => {
    const { role, text } = saidIn(item);
    return text === null || role === "tool" ? [] : [{ role, text }];
  });
}

function isAnswer(item: Fields): boolean {
  return item["role"] === "assistant" || textOf(item["type"])?.endsWith("_call") === true;
}
