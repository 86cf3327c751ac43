/** Lines of a small transcript, in the form of the real ones. */
export const sessionId = "11111111-2222-4333-8444-555555555555";

const base = {
  isSidechain: false,
  userType: "external",
  cwd: "/srv/project",
  sessionId,
  version: "2.1.329",
  gitBranch: "main",
};

let clock = Date.parse("2026-03-01T10:00:00Z");

export function at(text: string): void {
  clock = Date.parse(text);
}

function stamp(): string {
  clock += 1_000;
  return new Date(clock).toISOString();
}

export function uuid(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
}

export function prompt(number: number, text: string, more: object = {}): string {
  return JSON.stringify({
    ...base,
    type: "user",
    uuid: uuid(number),
    parentUuid: number === 1 ? null : uuid(number - 1),
    timestamp: stamp(),
    message: { role: "user", content: text },
    ...more,
  });
}

export function answer(
  number: number,
  text: string,
  { tokens = 10, id = `msg_${number}`, ...more } = {},
): string {
  return JSON.stringify({
    ...base,
    type: "assistant",
    uuid: uuid(number),
    parentUuid: uuid(number - 1),
    timestamp: stamp(),
    message: {
      id,
      role: "assistant",
      model: "claude-sonnet-4-5-20250929",
      content: [{ type: "text", text }],
      stop_reason: "end_turn",
      usage: {
        input_tokens: tokens,
        output_tokens: 1,
        cache_read_input_tokens: 0,
        cache_creation_input_tokens: 0,
      },
    },
    ...more,
  });
}

export function toolCall(number: number, call: string, input: unknown): string {
  return JSON.stringify({
    ...base,
    type: "assistant",
    uuid: uuid(number),
    parentUuid: uuid(number - 1),
    timestamp: stamp(),
    message: {
      id: `msg_${number}`,
      role: "assistant",
      model: "claude-sonnet-4-5-20250929",
      content: [{ type: "tool_use", id: call, name: "Bash", input }],
      usage: { input_tokens: 1, output_tokens: 1 },
    },
  });
}

export function toolResult(
  number: number,
  call: string,
  { content, timestamp = stamp() }: { content: unknown; timestamp?: string },
): string {
  return JSON.stringify({
    ...base,
    type: "user",
    uuid: uuid(number),
    parentUuid: uuid(number - 1),
    timestamp,
    message: {
      role: "user",
      content: [{ type: "tool_result", tool_use_id: call, content, is_error: false }],
    },
  });
}

export function text(...lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}
