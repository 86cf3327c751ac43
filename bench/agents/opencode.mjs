// A server of OpenCode that is recorded by this process, and one that is not, asked for the same in turn.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { open } from "../../dist/index.js";
import { recordOpencode } from "../../dist/opencode.js";
import { startFakeLlm } from "../../test/support/fake-llm/lib/server.mjs";

const root = join(import.meta.dirname, "../..");
const agents = process.env.LOCI_TEST_AGENTS || join(root, "test/agents/node_modules");
const opencode = join(agents, `opencode-${process.platform}-${process.arch}/bin/opencode`);
const at = (list, share) => list.toSorted((a, b) => a - b)[Math.floor(list.length * share)];

export async function measure({ quick }) {
  const folder = mkdtempSync(join(tmpdir(), "loci-bench-opencode-"));
  const file = join(root, "test/support/fake-llm/scenarios/opencode-tools.json");
  const scenario = JSON.parse(readFileSync(file, "utf8"));
  for (const { turns } of scenario.conversations) for (const turn of turns) turn.delayMs = quick ? 0 : 500;
  const models = [];
  const loci = await open(join(folder, "loci.db"));
  const recorder = loci.recorder();
  const servers = [];
  let recording;
  try {
    for (const name of ["plain", "recorded"]) {
      // What a tool touches outside of its folder would wait for a person's permission.
      const vars = { CWD: join(folder, name, "workspace") };
      const llm = await startFakeLlm({ scenario, vars, keep: false });
      models.push(llm);
      servers.push(await serve(join(folder, name), llm.url));
    }
    const [plain, recorded] = servers;
    recording = recordOpencode({ url: recorded.url }, { recorder });
    await recording.settled({ timeout: 60_000 });
    for (let round = -2; round < (quick ? 5 : 15); round++) {
      for (const server of round % 2 === 0 ? [plain, recorded] : [recorded, plain]) {
        const took = await ask(server.url);
        if (round >= 0) server.times.push(took);
      }
    }
    await recording.settled({ timeout: 60_000 });
    const { noted, dropped } = await recorder.flush();
    if (noted < 100 || dropped > 0) throw new Error(`${noted} happenings were recorded, ${dropped} dropped.`);
    const [one, other] = servers.map(({ times }) => at(times, 0.5));
    console.log(`  a tool tour              ${one.toFixed(0)} ms, recorded ${other.toFixed(0)} ms (p50)`);
    return { plain: one, recorded: other, added: other - one };
  } finally {
    await recording?.close();
    for (const { child } of servers) {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    }
    await recorder.close();
    await loci.close();
    for (const llm of models) await llm.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function serve(folder, url) {
  const [home, workspace] = [join(folder, "home"), join(folder, "workspace")];
  for (const made of [home, workspace]) mkdirSync(made, { recursive: true });
  writeFileSync(join(workspace, "README.md"), "# Demo\n");
  const options = { baseURL: `${url}/v1`, apiKey: "dummy" };
  const models = {
    "fake-model": { name: "Fake model", tool_call: true, limit: { context: 200_000, output: 8192 } },
  };
  const provider = { fake: { npm: "@ai-sdk/openai-compatible", name: "Fake", options, models } };
  const config = { autoupdate: false, share: "disabled", model: "fake/fake-model", provider };
  writeFileSync(
    join(workspace, "opencode.json"),
    JSON.stringify({ ...config, small_model: "fake/fake-model" }),
  );
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    SHELL: "/bin/bash",
    XDG_CONFIG_HOME: join(home, ".config"),
    XDG_DATA_HOME: join(home, ".local/share"),
    XDG_STATE_HOME: join(home, ".local/state"),
    XDG_CACHE_HOME: join(home, ".cache"),
    OPENCODE_DISABLE_MODELS_FETCH: "1",
    OPENCODE_DISABLE_AUTOUPDATE: "1",
    OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
    npm_config_offline: "true",
  };
  const args = ["serve", "--port", "0", "--hostname", "127.0.0.1"];
  const child = spawn(opencode, args, { cwd: workspace, env, stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    said += chunk;
    if (/listening on http\S+\s/.test(said)) break;
  }
  child.stdout.resume();
  return { child, url: /listening on (http\S+)/.exec(said)?.[1] ?? "", times: [] };
}

/** Milliseconds of one session's only turn. */
async function ask(url) {
  const call = async (path, body) => {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
    return answer.json();
  };
  const { id } = await call("/session", {});
  const began = performance.now();
  await call(`/session/${id}/message`, { parts: [{ type: "text", text: "run the tool tour please" }] });
  return performance.now() - began;
}
