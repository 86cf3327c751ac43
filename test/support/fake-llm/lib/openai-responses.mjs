// OpenAI Responses API: POST /v1/responses (stream and not). Enough for the Codex CLI and the OpenAI Agents SDK.
import { pieces } from "./scenario.mjs";
import { sendJson, sendSse } from "./sse.mjs";

const asText = (c) =>
  typeof c === "string" ? c : Array.isArray(c) ? c.map((p) => p.text ?? "").join("\n") : "";

export function parse(body) {
  const items =
    typeof body.input === "string"
      ? [{ type: "message", role: "user", content: body.input }]
      : (body.input ?? []);
  const messages = [];
  let system = body.instructions ?? "";
  for (const it of items) {
    const type = it.type ?? "message";
    if (type === "message") {
      if (it.role === "system" || it.role === "developer") {
        system += "\n" + asText(it.content);
        continue;
      }
      const text = asText(it.content);
      // Codex wraps machine context in XML-like user messages; treat those as reminders, not prompts.
      const wrapped =
        (it.role === "user" &&
          /^\s*<(environment_context|user_instructions|permissions|INSTRUCTIONS|recommended_plugins|skills_instructions|collaboration_mode|turn_aborted)/i.test(
            text,
          )) ||
        (it.role === "user" && text.startsWith("# AGENTS.md instructions"));
      messages.push({
        role: it.role,
        text: wrapped ? `<system-reminder>${text}</system-reminder>` : text,
        toolCalls: [],
        toolResults: [],
      });
    } else if (type.endsWith("_call")) {
      messages.push({
        role: "assistant",
        text: "",
        toolCalls: [{ id: it.call_id, name: it.name ?? type, input: it.arguments ?? it.input }],
        toolResults: [],
      });
    } else if (type.endsWith("_call_output")) {
      const out = typeof it.output === "string" ? it.output : asText(it.output) || JSON.stringify(it.output);
      messages.push({
        role: "user",
        text: "",
        toolCalls: [],
        toolResults: [{ id: it.call_id, text: out, isError: false }],
      });
    }
  }
  return {
    protocol: "openai-responses",
    model: body.model ?? "",
    stream: !!body.stream,
    system,
    tools: (body.tools ?? []).map((t) => t.name ?? t.type),
    messages,
  };
}

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
  const u = reply.usage;
  const usage = {
    input_tokens: u.input + u.cacheRead,
    input_tokens_details: { cached_tokens: u.cacheRead },
    output_tokens: u.output,
    output_tokens_details: { reasoning_tokens: u.reasoning },
    total_tokens: u.input + u.cacheRead + u.output,
  };
  const output = reply.blocks.map((b) =>
    b.tool
      ? b.custom
        ? {
            type: "custom_tool_call",
            id: scenario.nextId("ctc_"),
            call_id: b.id ?? scenario.nextId("call_"),
            name: b.tool,
            input: String(b.input ?? ""),
            status: "completed",
          }
        : {
            type: "function_call",
            id: scenario.nextId("fc_"),
            call_id: b.id ?? scenario.nextId("call_"),
            name: b.tool,
            arguments: typeof b.input === "string" ? b.input : JSON.stringify(b.input ?? {}),
            status: "completed",
          }
      : b.thinking
        ? {
            type: "reasoning",
            id: scenario.nextId("rs_"),
            summary: [{ type: "summary_text", text: b.thinking }],
          }
        : {
            type: "message",
            id: scenario.nextId("msg_"),
            role: "assistant",
            status: "completed",
            content: [{ type: "output_text", text: b.text ?? "", annotations: [] }],
          },
  );
  const response = {
    id: scenario.nextId("resp_"),
    object: "response",
    created_at: Math.floor(Date.now() / 1000),
    status: "completed",
    error: null,
    incomplete_details: null,
    model: req.model,
    output,
    usage,
    parallel_tool_calls: true,
    tool_choice: "auto",
    tools: [],
    temperature: 1,
    top_p: 1,
    metadata: {},
  };
  if (!req.stream) return sendJson({ res, reply, headers }, 200, response);
  let sequence_number = 0;
  const ev = (data) => ({ event: data.type, data: { ...data, sequence_number: sequence_number++ } });
  const open = { ...response, status: "in_progress", output: [], usage: null };
  const frames = [
    ev({ type: "response.created", response: open }),
    ev({ type: "response.in_progress", response: open }),
  ];
  output.forEach((item, output_index) => {
    const at = { item_id: item.id, output_index };
    if (item.type === "message") {
      const text = item.content[0].text;
      frames.push(
        ev({
          type: "response.output_item.added",
          output_index,
          item: { ...item, status: "in_progress", content: [] },
        }),
      );
      frames.push(
        ev({
          type: "response.content_part.added",
          ...at,
          content_index: 0,
          part: { type: "output_text", text: "", annotations: [] },
        }),
      );
      for (const delta of pieces(text))
        frames.push(ev({ type: "response.output_text.delta", ...at, content_index: 0, delta, logprobs: [] }));
      frames.push(ev({ type: "response.output_text.done", ...at, content_index: 0, text, logprobs: [] }));
      frames.push(ev({ type: "response.content_part.done", ...at, content_index: 0, part: item.content[0] }));
    } else if (item.type === "function_call") {
      frames.push(
        ev({
          type: "response.output_item.added",
          output_index,
          item: { ...item, status: "in_progress", arguments: "" },
        }),
      );
      for (const delta of pieces(item.arguments))
        frames.push(ev({ type: "response.function_call_arguments.delta", ...at, delta }));
      frames.push(ev({ type: "response.function_call_arguments.done", ...at, arguments: item.arguments }));
    } else {
      frames.push(ev({ type: "response.output_item.added", output_index, item }));
    }
    frames.push(ev({ type: "response.output_item.done", output_index, item }));
  });
  frames.push(ev({ type: "response.completed", response }));
  return sendSse({ res, reply, headers }, frames);
}
