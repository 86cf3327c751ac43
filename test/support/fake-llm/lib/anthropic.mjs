// Anthropic Messages API: POST /v1/messages (stream and not), POST /v1/messages/count_tokens, GET /v1/models.
import { pieces } from "./scenario.mjs";
import { sendJson, sendSse } from "./sse.mjs";

const asText = (c) =>
  typeof c === "string"
    ? c
    : Array.isArray(c)
      ? c.map((b) => (b.type === "text" ? b.text : "")).join("\n")
      : "";

export function parse(body) {
  return {
    protocol: "anthropic",
    model: body.model ?? "",
    stream: !!body.stream,
    system: asText(body.system),
    tools: (body.tools ?? []).map((t) => t.name),
    // Newer Claude Code puts instructions in role:"system" messages inside the list: ignore those here.
    messages: (body.messages ?? [])
      .filter((m) => m.role !== "system")
      .map((m) => {
        const blocks = typeof m.content === "string" ? [{ type: "text", text: m.content }] : m.content;
        return {
          role: m.role,
          text: blocks
            .filter((b) => b.type === "text")
            .map((b) => b.text)
            .join("\n"),
          toolCalls: blocks
            .filter((b) => b.type === "tool_use")
            .map((b) => ({ id: b.id, name: b.name, input: b.input })),
          toolResults: blocks
            .filter((b) => b.type === "tool_result")
            .map((b) => ({ id: b.tool_use_id, text: asText(b.content), isError: !!b.is_error })),
        };
      }),
  };
}

const ERROR_TYPES = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  529: "overloaded_error",
};

function usageOf(u, output) {
  return {
    input_tokens: u.input,
    cache_creation_input_tokens: u.cacheWrite,
    cache_read_input_tokens: u.cacheRead,
    cache_creation: { ephemeral_5m_input_tokens: u.cacheWrite, ephemeral_1h_input_tokens: 0 },
    output_tokens: output,
    service_tier: "standard",
  };
}

export async function answer(req, { reply, scenario, res }) {
  const headers = { "request-id": scenario.nextId("req_") };
  if (reply.error) {
    const { status, type = ERROR_TYPES[status] ?? "api_error", message = "fake error" } = reply.error;
    return sendJson({ res, reply, headers: { ...headers, ...reply.error.headers } }, status, {
      type: "error",
      error: { type, message },
      request_id: headers["request-id"],
    });
  }
  const id = scenario.nextId("msg_");
  const content = reply.blocks.map((b) =>
    b.tool
      ? { type: "tool_use", id: b.id ?? scenario.nextId("toolu_"), name: b.tool, input: b.input ?? {} }
      : b.thinking
        ? { type: "thinking", thinking: b.thinking, signature: "ZmFrZS1zaWduYXR1cmU=" }
        : { type: "text", text: b.text ?? "" },
  );
  const message = { id, type: "message", role: "assistant", model: req.model };
  if (!req.stream) {
    return sendJson({ res, reply, headers }, 200, {
      ...message,
      content,
      stop_reason: reply.stop,
      stop_sequence: null,
      usage: usageOf(reply.usage, reply.usage.output),
    });
  }
  const ev = (data) => ({ event: data.type, data });
  const frames = [
    ev({
      type: "message_start",
      message: {
        ...message,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: usageOf(reply.usage, 1),
      },
    }),
    ev({ type: "ping" }),
  ];
  content.forEach((block, index) => {
    const start =
      block.type === "text"
        ? { type: "text", text: "" }
        : block.type === "thinking"
          ? { type: "thinking", thinking: "", signature: "" }
          : { ...block, input: {} };
    frames.push(ev({ type: "content_block_start", index, content_block: start }));
    const deltas =
      block.type === "text"
        ? pieces(block.text).map((text) => ({ type: "text_delta", text }))
        : block.type === "thinking"
          ? [
              ...pieces(block.thinking).map((thinking) => ({ type: "thinking_delta", thinking })),
              { type: "signature_delta", signature: block.signature },
            ]
          : pieces(JSON.stringify(block.input)).map((partial_json) => ({
              type: "input_json_delta",
              partial_json,
            }));
    for (const delta of deltas) frames.push(ev({ type: "content_block_delta", index, delta }));
    frames.push(ev({ type: "content_block_stop", index }));
  });
  if (reply.streamError) {
    frames.push({
      event: "error",
      data: {
        type: "error",
        error: { type: "overloaded_error", message: "Overloaded", ...reply.streamError },
      },
    });
  } else {
    frames.push(
      ev({
        type: "message_delta",
        delta: { stop_reason: reply.stop, stop_sequence: null },
        usage: { output_tokens: reply.usage.output },
      }),
      ev({ type: "message_stop" }),
    );
  }
  return sendSse({ res, reply, headers }, frames);
}

export function countTokens(body) {
  return { input_tokens: Math.ceil(JSON.stringify(body.messages ?? []).length / 4) };
}
