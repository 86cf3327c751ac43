// One loopback HTTP server that speaks four LLM protocols from one scripted scenario.
import { createServer } from "node:http";
import { appendFileSync } from "node:fs";
import { Scenario, locate } from "./scenario.mjs";
import * as anthropic from "./anthropic.mjs";
import * as chat from "./openai-chat.mjs";
import * as responses from "./openai-responses.mjs";
import * as gemini from "./gemini.mjs";
import { sendJson } from "./sse.mjs";

async function readBody(req) {
  const chunks = [];
  for await (const c of req) chunks.push(c);
  let buf = Buffer.concat(chunks);
  if (req.headers["content-encoding"]) {
    const zlib = await import("node:zlib");
    const enc = req.headers["content-encoding"];
    buf =
      enc === "gzip"
        ? zlib.gunzipSync(buf)
        : enc === "br"
          ? zlib.brotliDecompressSync(buf)
          : enc === "zstd" && zlib.zstdDecompressSync
            ? zlib.zstdDecompressSync(buf)
            : buf;
  }
  if (!buf.length) return {};
  return JSON.parse(buf.toString("utf8"));
}

function route(method, path) {
  const p = path.replace(/^\/(anthropic|openai|gemini)(?=\/)/, "");
  if (method === "POST") {
    if (p.endsWith("/messages/count_tokens")) return { kind: "count" };
    if (p.endsWith("/messages")) return { kind: "llm", api: anthropic };
    if (p.endsWith("/chat/completions")) return { kind: "llm", api: chat };
    if (p.endsWith("/responses")) return { kind: "llm", api: responses };
    const g = /\/models\/([^/:]+):(generateContent|streamGenerateContent|countTokens)$/.exec(p);
    if (g)
      return g[2] === "countTokens"
        ? { kind: "gcount" }
        : { kind: "llm", api: gemini, model: g[1], stream: g[2] === "streamGenerateContent" };
  }
  if (method === "GET" && p.endsWith("/models")) return { kind: "models" };
  return { kind: "other" };
}

/**
 * @param {{scenario: object, vars?: object, port?: number, log?: string, keep?: boolean}} options
 * @returns {Promise<{url: string, port: number, requests: object[], setScenario(spec): void, close(): Promise<void>}>}
 */
export function startFakeLlm({ scenario: spec, vars, port = 0, log, keep = true }) {
  let scenario = new Scenario(spec, vars);
  const requests = [];
  const record = (entry) => {
    requests.push(entry);
    if (log) appendFileSync(log, JSON.stringify(entry) + "\n");
  };
  const server = createServer(async (req, res) => {
    const path = new URL(req.url, "http://x").pathname;
    let body = {};
    try {
      body = await readBody(req);
      if (path === "/__requests") return void sendJson({ res }, 200, requests);
      if (path === "/__scenario" && req.method === "POST") {
        scenario = new Scenario(body, vars);
        return void sendJson({ res }, 200, { ok: true });
      }
      const r = route(req.method, path);
      const entry = {
        n: requests.length,
        at: new Date().toISOString(),
        method: req.method,
        path: req.url,
        kind: r.kind,
      };
      if (r.kind === "llm") {
        const parsed = r.api.parse(body, r.model, r.stream);
        const picked = scenario.choose(parsed);
        Object.assign(entry, {
          protocol: parsed.protocol,
          model: parsed.model,
          stream: parsed.stream,
          conversation: picked.conversation,
          turn: picked.turn,
          prompt: locate(parsed).prompt.slice(0, 200),
          tools: parsed.tools,
          status: picked.reply.error?.status ?? 200,
          headers: pickHeaders(req.headers),
          ...(keep ? { body } : {}),
        });
        record(entry);
        return await r.api.answer(parsed, { reply: picked.reply, scenario, res });
      }
      record(entry);
      if (r.kind === "count") return void sendJson({ res }, 200, anthropic.countTokens(body));
      if (r.kind === "gcount")
        return void sendJson({ res }, 200, { totalTokens: Math.ceil(JSON.stringify(body).length / 4) });
      if (r.kind === "models")
        return void sendJson({ res }, 200, {
          object: "list",
          data: (spec.models ?? ["fake-model"]).map((id) => ({
            id,
            object: "model",
            type: "model",
            display_name: id,
            created: 0,
            owned_by: "fake",
          })),
          has_more: false,
        });
      return void sendJson({ res }, req.method === "HEAD" || path === "/" ? 200 : 404, {
        type: "error",
        error: { type: "not_found_error", message: `fake-llm has no ${req.method} ${path}` },
      });
    } catch (err) {
      record({
        n: requests.length,
        at: new Date().toISOString(),
        method: req.method,
        path: req.url,
        kind: "failed",
        error: String(err?.stack ?? err),
      });
      if (!res.headersSent)
        void sendJson({ res }, 500, { type: "error", error: { type: "api_error", message: String(err) } });
      else res.destroy();
    }
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const actual = server.address().port;
      resolve({
        port: actual,
        url: `http://127.0.0.1:${actual}`,
        requests,
        setScenario(s, v = vars) {
          scenario = new Scenario(s, v);
        },
        close: () =>
          new Promise((done) => {
            server.closeAllConnections();
            server.close(() => done());
          }),
      });
    });
  });
}

// Only what tells clients apart; never credentials.
function pickHeaders(h) {
  const keep = {};
  for (const k of Object.keys(h))
    if (
      /^(user-agent|anthropic-beta|anthropic-version|x-app|x-stainless-retry-count|x-session-.*|x-claude-.*|x-opencode-.*|session_id|conversation_id|originator|traceparent|x-initiator)$/i.test(
        k,
      )
    )
      keep[k] = h[k];
  return keep;
}
