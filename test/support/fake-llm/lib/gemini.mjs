// Gemini API: POST /v1beta/models/<model>:generateContent and :streamGenerateContent?alt=sse, :countTokens.
import { pieces } from "./scenario.mjs";
import { sendJson, sendSse } from "./sse.mjs";

export function parse(body, model, stream) {
  return {
    protocol: "gemini",
    model,
    stream,
    system: (body.systemInstruction?.parts ?? []).map((p) => p.text ?? "").join("\n"),
    tools: (body.tools ?? []).flatMap((t) => (t.functionDeclarations ?? []).map((f) => f.name)),
    messages: (body.contents ?? []).map((c) => {
      // Gemini CLI puts machine context and the human prompt in one user message: drop the context.
      const text = c.parts
        .map((p) => p.text ?? "")
        .join("\n")
        .replace(/<session_context>[\s\S]*?<\/session_context>/g, "");
      return {
        role: c.role === "model" ? "assistant" : "user",
        text,
        toolCalls: c.parts
          .filter((p) => p.functionCall)
          .map((p) => ({ id: p.functionCall.id, name: p.functionCall.name, input: p.functionCall.args })),
        toolResults: c.parts
          .filter((p) => p.functionResponse)
          .map((p) => ({
            id: p.functionResponse.id,
            text: JSON.stringify(p.functionResponse.response),
            isError: !!p.functionResponse.response?.error,
          })),
      };
    }),
  };
}

export async function answer(req, { reply, scenario, res }) {
  if (reply.error) {
    const { status, type = "INTERNAL", message = "fake error" } = reply.error;
    return sendJson({ res, reply, headers: reply.error.headers }, status, {
      error: { code: status, message, status: type },
    });
  }
  const u = reply.usage;
  const usageMetadata = {
    promptTokenCount: u.input + u.cacheRead,
    candidatesTokenCount: u.output,
    thoughtsTokenCount: u.reasoning,
    cachedContentTokenCount: u.cacheRead,
    totalTokenCount: u.input + u.cacheRead + u.output + u.reasoning,
  };
  const parts = reply.blocks.flatMap((b) =>
    b.tool
      ? [{ functionCall: { name: b.tool, args: b.input ?? {} } }]
      : b.thinking
        ? [{ text: b.thinking, thought: true }]
        : pieces(b.text ?? "").map((text) => ({ text })),
  );
  const responseId = scenario.nextId("resp");
  const wrap = (ps, last) => ({
    candidates: [
      { index: 0, content: { role: "model", parts: ps }, ...(last ? { finishReason: "STOP" } : {}) },
    ],
    ...(last ? { usageMetadata } : {}),
    modelVersion: req.model,
    responseId,
  });
  if (!req.stream) return sendJson({ res, reply }, 200, wrap(parts, true));
  return sendSse(
    { res, reply },
    parts.map((p, i) => ({ data: wrap([p], i === parts.length - 1) })),
  );
}
