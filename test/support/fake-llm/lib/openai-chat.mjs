// OpenAI chat completions: POST /v1/chat/completions (stream and not).
import { pieces } from "./scenario.mjs";
import { sendJson, sendSse } from "./sse.mjs";

const asText = (c) =>
  typeof c === "string" ? c : Array.isArray(c) ? c.map((p) => p.text ?? "").join("\n") : "";

export function parse(body) {
  const all = body.messages ?? [];
  const messages = [];
  for (const m of all) {
    if (m.role === "system" || m.role === "developer") continue;
    if (m.role === "tool") {
      messages.push({
        role: "user",
        text: "",
        toolCalls: [],
        toolResults: [{ id: m.tool_call_id, text: asText(m.content), isError: false }],
      });
      continue;
    }
    messages.push({
      role: m.role,
      text: asText(m.content),
      toolResults: [],
      toolCalls: (m.tool_calls ?? []).map((t) => ({
        id: t.id,
        name: t.function.name,
        input: t.function.arguments,
      })),
    });
  }
  return {
    protocol: "openai-chat",
    model: body.model ?? "",
    stream: !!body.stream,
    includeUsage: !!body.stream_options?.include_usage,
    system: all
      .filter((m) => m.role === "system" || m.role === "developer")
      .map((m) => asText(m.content))
      .join("\n"),
    tools: (body.tools ?? []).map((t) => t.function?.name),
    messages,
  };
}

const FINISH = { end_turn: "stop", tool_use: "tool_calls", max_tokens: "length" };

export async function answer(req, { reply, scenario, res }) {
  const headers = { "x-request-id": scenario.nextId("req_") };
  if (reply.error) {
    const {
      status,
      type = status < 500 ? "invalid_request_error" : "server_error",
      code = null,
      message = "fake error",
    } = reply.error;
    return sendJson(
      {
        res,
        reply,
        headers: {
          ...headers,
          ...reply.error.headers,
        },
      },
      status,
      { error: { message, type, code, param: null } },
    );
  }
  const id = scenario.nextId("chatcmpl-");
  const created = Math.floor(Date.now() / 1000);
  const u = reply.usage;
  const usage = {
    prompt_tokens: u.input + u.cacheRead,
    completion_tokens: u.output,
    total_tokens: u.input + u.cacheRead + u.output,
    prompt_tokens_details: { cached_tokens: u.cacheRead },
    completion_tokens_details: { reasoning_tokens: u.reasoning },
  };
  const text = reply.blocks
    .filter((b) => b.text !== undefined)
    .map((b) => b.text)
    .join("");
  const thinking = reply.blocks
    .filter((b) => b.thinking)
    .map((b) => b.thinking)
    .join("");
  const calls = reply.blocks
    .filter((b) => b.tool)
    .map((b) => ({
      id: b.id ?? scenario.nextId("call_"),
      type: "function",
      function: {
        name: b.tool,
        arguments: typeof b.input === "string" ? b.input : JSON.stringify(b.input ?? {}),
      },
    }));
  const finish = FINISH[reply.stop] ?? reply.stop;
  if (!req.stream) {
    return sendJson({ res, reply, headers }, 200, {
      id,
      object: "chat.completion",
      created,
      model: req.model,
      usage,
      choices: [
        {
          index: 0,
          finish_reason: finish,
          message: {
            role: "assistant",
            content: text || null,
            ...(thinking ? { reasoning_content: thinking } : {}),
            ...(calls.length ? { tool_calls: calls } : {}),
          },
        },
      ],
    });
  }
  const base = { id, object: "chat.completion.chunk", created, model: req.model };
  const chunk = (delta, finish_reason = null) => ({
    data: { ...base, choices: [{ index: 0, delta, finish_reason }] },
  });
  const frames = [chunk({ role: "assistant", content: "" })];
  if (thinking) for (const p of pieces(thinking)) frames.push(chunk({ reasoning_content: p }));
  if (text) for (const p of pieces(text)) frames.push(chunk({ content: p }));
  calls.forEach((c, index) => {
    frames.push(
      chunk({
        tool_calls: [
          { index, id: c.id, type: "function", function: { name: c.function.name, arguments: "" } },
        ],
      }),
    );
    for (const p of pieces(c.function.arguments))
      frames.push(chunk({ tool_calls: [{ index, function: { arguments: p } }] }));
  });
  frames.push(chunk({}, finish));
  if (req.includeUsage) frames.push({ data: { ...base, choices: [], usage } });
  frames.push({ data: "[DONE]" });
  return sendSse({ res, reply, headers }, frames);
}
