import { afterAll, beforeAll, expect, test } from "vitest";
import { type FakeLlm, startFakeLlm } from "../support/fake-llm/lib/server.mjs";

// The scripted model is no code of ours under test: it stands where the network is. So it has a test of its own.
type Body = Record<string, unknown>;
let llm: FakeLlm;

beforeAll(async () => {
  const weather = { tool: "weather", input: { city: "${CITY}" } };
  const conversations = [
    {
      id: "weather",
      match: { prompt: "^weather" },
      turns: [
        { text: "Checking", tools: [weather], usage: { input: 7, output: 3, cacheRead: 2 } },
        { text: "It is: ${lastToolResult}" },
      ],
    },
    {
      id: "flaky",
      match: { prompt: "^flaky" },
      turns: [{ error: { status: 529, times: 1 }, text: "fine" }],
    },
    {
      id: "cut",
      match: { prompt: "^cut" },
      turns: [{ text: "a long text that is split in pieces", cutAfter: 3 }],
    },
  ];
  llm = await startFakeLlm({ scenario: { conversations }, vars: { CITY: "Oslo" } });
});
afterAll(() => llm.close());

function post(path: string, body: Body): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return fetch(llm.url + path, { method: "POST", headers, body: JSON.stringify({ model: "m", ...body }) });
}

/** The data of each event of a stream. */
async function events(path: string, body: Body): Promise<Body[]> {
  const text = await (await post(path, body)).text();
  return text
    .split("\n")
    .filter((line) => line.startsWith("data: {"))
    .map((line) => JSON.parse(line.slice("data: ".length)) as Body);
}

const user = (content: unknown): Body => ({ role: "user", content });

test("it speaks the Messages API, with tools and templates", async () => {
  const messages = [user("<system-reminder>x</system-reminder>weather?")];
  const seen = await events("/v1/messages", { stream: true, messages });
  expect([seen[0]?.["type"], seen.at(-1)?.["type"]]).toEqual(["message_start", "message_stop"]);
  expect(seen[0]).toMatchObject({ message: { usage: { cache_read_input_tokens: 2 } } });
  const pieces = seen.map((event) => (event["delta"] as Body | undefined)?.["partial_json"] ?? "");
  expect(JSON.parse(pieces.join(""))).toEqual({ city: "Oslo" });
  expect(seen.find(({ type }) => type === "message_delta")).toMatchObject({
    delta: { stop_reason: "tool_use" },
  });
});

test("it chooses the turn from the history it is sent", async () => {
  const call = { type: "tool_use", id: "t", name: "weather", input: {} };
  const result = { type: "tool_result", tool_use_id: "t", content: "sun" };
  const messages = [user("weather?"), { role: "assistant", content: [call] }, user([result])];
  const answer = (await (await post("/v1/messages", { messages })).json()) as Body;
  expect(answer).toMatchObject({ content: [{ text: "It is: sun" }] });
});

test("it speaks OpenAI's chat and responses, and Gemini", async () => {
  const asked = { stream: true, stream_options: { include_usage: true }, messages: [user("weather?")] };
  expect((await events("/v1/chat/completions", asked)).at(-1)).toMatchObject({ usage: { prompt_tokens: 9 } });
  expect((await events("/v1/responses", { stream: true, input: "weather?" })).at(-1)).toMatchObject({
    type: "response.completed",
  });
  const contents = [{ role: "user", parts: [{ text: "weather?" }] }];
  const parts = [{ functionCall: { name: "weather", args: { city: "Oslo" } } }];
  expect((await events("/v1beta/models/g:streamGenerateContent?alt=sse", { contents })).at(-1)).toMatchObject(
    { candidates: [{ content: { parts } }] },
  );
});

test("it fails as often as the script says, and cuts a stream where it says", async () => {
  const ask = async (): Promise<number> => (await post("/v1/messages", { messages: [user("flaky")] })).status;
  expect([await ask(), await ask()]).toEqual([529, 200]);
  await expect(events("/v1/messages", { stream: true, messages: [user("cut")] })).rejects.toThrow();
});

test("it keeps what it was asked", () => {
  expect(llm.requests.length).toBeGreaterThan(6);
  expect(llm.requests.filter(({ conversation }) => conversation === "(fallback)")).toEqual([]);
});
