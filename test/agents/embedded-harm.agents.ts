import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test, type TestContext } from "vitest";
import { open } from "../../dist/index.js";
import { messages } from "../../dist/model/message.js";
import { modelCalls } from "../../dist/model/model-call.js";
import { toolExecutions } from "../../dist/model/tool-execution.js";
import { agents, type Box, box, model } from "../support/agents.ts";
import { killRuns } from "../support/kills.ts";
import { needs } from "../support/needs.ts";
import { run } from "../support/tools.ts";
import { weatherScript } from "../support/weather.mjs";

// Nothing that is attached may slow, break or change what it is attached to; and what was taken in is never lost.

const host = fileURLToPath(new URL("./embedded-host.mjs", import.meta.url));
const { kills, timeout } = killRuns(3);
const kinds = [
  { title: "AI SDK, telemetry", kind: "telemetry", name: "ai", tokens: { input: 220, output: 21 } },
  { title: "AI SDK, middleware", kind: "middleware", name: "ai", tokens: { input: 220, output: 21 } },
  {
    title: "OpenAI Agents, traces and session",
    kind: "agents",
    name: "@openai/agents",
    tokens: { input: 124, output: 13 },
  },
];

async function world(context: TestContext, name: string) {
  needs(context, existsSync(join(agents, name)), `There is no ${name}: npm run test:agents installs it.`);
  return { here: box(), llm: await model(weatherScript, {}) };
}

const given = (here: Box, more: object): string =>
  JSON.stringify({ agents, db: join(here.folder, "loci.db"), spool: join(here.folder, "hung"), ...more });

describe.each(kinds)("$title", ({ kind, name, tokens }) => {
  test("a recorder that throws changes nothing, and a store that hangs adds no 50 ms", async (context) => {
    const { here, llm } = await world(context, name);
    const env = { ...here.env, LOCI_HOME: here.folder };
    const told = async (harm: string) => {
      const ran = await run(process.execPath, [host, given(here, { kind, harm, url: llm.url })], { env });
      expect(ran.code, ran.stderr).toBe(0);
      return JSON.parse(ran.stdout) as { said: unknown; took: number; noted: number };
    };
    const [none, throws, hangs] = [await told("none"), await told("throws"), await told("hangs")];
    expect(none.said).toEqual({ text: "It is sunny.", ...tokens });
    expect(throws.said).toEqual(none.said);
    expect(hangs.said).toEqual(none.said);
    expect(hangs.noted).toBeGreaterThan(20);
    // The best of five each: what else runs on the machine is in both.
    expect(hangs.took - none.took).toBeLessThan(50);
    await llm.close();
    here[Symbol.dispose]();
  });

  test(`killed ${kills} times at random, it loses nothing that the recorder took in`, {
    timeout,
  }, async (context) => {
    const { here, llm } = await world(context, name);
    const env = { ...here.env, LOCI_HOME: here.folder };
    const ack = join(here.folder, "ack");
    for (let at = 0; at < kills; at++) {
      const child = spawn(process.execPath, [host, given(here, { kind, ack, url: llm.url })], {
        stdio: ["ignore", "ignore", "inherit", "ipc"],
        env,
      });
      const gone = once(child, "exit");
      await once(child, "message");
      setTimeout(() => child.kill("SIGKILL"), Math.random() * 300);
      await gone;
    }
    await using loci = await open(join(here.folder, "loci.db"));
    await loci.recover();
    const taken = readFileSync(ack, "utf8")
      .split("\n")
      .filter((line) => line.endsWith("}"))
      .map((line) => JSON.parse(line) as { kind: string; id: string });
    const idsOf = (wanted: string): string[] =>
      [...new Set(taken.filter((one) => one.kind === wanted).map(({ id }) => id))].sort();
    const stored = {
      message: (await loci.engine.find(messages)).map(({ id }) => id),
      toolExecution: (await loci.engine.find(toolExecutions)).map(({ id }) => id),
      modelCall: (await loci.engine.find(modelCalls)).map(({ id }) => id),
    };
    for (const [wanted, ids] of Object.entries(stored)) {
      expect(idsOf(wanted).length, wanted).toBeGreaterThanOrEqual(kills);
      expect(ids, wanted).toEqual(expect.arrayContaining(idsOf(wanted)));
    }
    await llm.close();
    here[Symbol.dispose]();
  });
});
