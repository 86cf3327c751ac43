import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import type { TestContext } from "vitest";
import { type FakeLlm, type Scenario, startFakeLlm } from "./fake-llm/lib/server.mjs";
import { needs } from "./needs.ts";
import { root } from "./tools.ts";

/** Where the real programs are: `test/agents/node_modules`, or the folder that LOCI_TEST_AGENTS names. */
export const agents: string = process.env["LOCI_TEST_AGENTS"] || join(root, "test", "agents", "node_modules");

/** The run sees a loopback and no other network: see test/agents/run.mjs. */
export const alone: boolean = process.env["LOCI_TEST_ALONE"] === "1";

const platform = `${process.platform}-${process.arch}`;
const places = {
  claude: `@anthropic-ai/claude-agent-sdk-${platform}/claude`,
  opencode: `opencode-${platform}/bin/opencode`,
  codex: ".bin/codex",
  gemini: ".bin/gemini",
};
export type Program = keyof typeof places;

/** The real program; the test is skipped where it is not (and fails in strict mode). */
export function program(context: TestContext, name: Program): string {
  const path = join(agents, places[name]);
  needs(context, existsSync(path), `There is no ${path}: npm run test:agents installs it.`);
  return path;
}

/** A module of a package that stands beside the programs; its types are not in the repository. */
// oxlint-disable-next-line typescript/no-explicit-any -- the real package, without its types
export async function lanePackage(context: TestContext, path: string): Promise<any> {
  const file = join(agents, path);
  needs(context, existsSync(file), `There is no ${file}: npm run test:agents installs it.`);
  return import(pathToFileURL(file).href);
}

/**
 * A person's machine, in a temporary folder: a home and a workspace, and an environment in which a program sees nothing
 * of the developer's own settings.
 */
export interface Box extends Disposable {
  readonly folder: string;
  readonly home: string;
  readonly workspace: string;
  /** Where Claude Code keeps its things. */
  readonly claude: string;
  readonly env: Readonly<Record<string, string>>;
}

export function box(): Box {
  const folder = mkdtempSync(join(tmpdir(), "loci-agents-"));
  const [home, workspace] = [join(folder, "home"), join(folder, "workspace")];
  for (const made of [home, workspace]) mkdirSync(made);
  writeFileSync(join(workspace, "README.md"), "# Demo\n\nA demo workspace.\n");
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: home,
    LANG: "C.UTF-8",
    TERM: "dumb",
    SHELL: "/bin/bash",
    XDG_CONFIG_HOME: join(home, ".config"),
    XDG_DATA_HOME: join(home, ".local/share"),
    XDG_STATE_HOME: join(home, ".local/state"),
    XDG_CACHE_HOME: join(home, ".cache"),
  };
  return {
    folder,
    home,
    workspace,
    claude: join(home, ".claude"),
    env,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** A scripted model. `scenario` is a script, or the name of one in fake-llm/scenarios (`claude-tools`). */
export async function model(scenario: Scenario | string, vars: Record<string, string>): Promise<FakeLlm> {
  const script =
    typeof scenario === "string"
      ? (JSON.parse(
          readFileSync(join(root, `test/support/fake-llm/scenarios/${scenario}.json`), "utf8"),
        ) as Scenario)
      : scenario;
  return startFakeLlm({ scenario: script, vars });
}

/** What Claude Code and the Claude Agent SDK need to stay with the scripted model. */
export function claudeEnv({ env, claude }: Box, { url }: Pick<FakeLlm, "url">): Record<string, string> {
  return {
    ...env,
    CLAUDE_CONFIG_DIR: claude,
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_API_KEY: "sk-ant-dummy",
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    DISABLE_TELEMETRY: "1",
    DISABLE_AUTOUPDATER: "1",
    DISABLE_ERROR_REPORTING: "1",
  };
}

/** The same for OpenCode; writes `opencode.json` into the workspace. */
export function opencodeEnv({ env, workspace }: Box, { url }: Pick<FakeLlm, "url">): Record<string, string> {
  const limit = { context: 200_000, output: 8192 };
  const models = {
    "fake-model": { name: "Fake model", tool_call: true, limit, cost: { input: 1, output: 2 } },
  };
  const options = { baseURL: `${url}/v1`, apiKey: "dummy" };
  const config = {
    autoupdate: false,
    share: "disabled",
    model: "fake/fake-model",
    small_model: "fake/fake-model",
    provider: { fake: { npm: "@ai-sdk/openai-compatible", name: "Fake", options, models } },
  };
  writeFileSync(join(workspace, "opencode.json"), JSON.stringify(config));
  return {
    ...env,
    OPENCODE_DISABLE_MODELS_FETCH: "1",
    OPENCODE_DISABLE_AUTOUPDATE: "1",
    OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
    // Without this a plugin folder makes it wait for the package registry.
    npm_config_offline: "true",
  };
}

/** The same for Codex; writes its `config.toml`. */
export function codexEnv({ env, home }: Box, { url }: Pick<FakeLlm, "url">): Record<string, string> {
  const folder = join(home, ".codex");
  mkdirSync(folder, { recursive: true });
  const config = [
    'model = "fake-model"',
    'model_provider = "fake"',
    'approval_policy = "never"',
    'sandbox_mode = "workspace-write"',
    "[model_providers.fake]",
    'name = "fake"',
    `base_url = "${url}/v1"`,
    'wire_api = "responses"',
    'env_key = "FAKE_KEY"',
    "[analytics]",
    "enabled = false",
  ];
  writeFileSync(join(folder, "config.toml"), `${config.join("\n")}\n`);
  return { ...env, CODEX_HOME: folder, FAKE_KEY: "dummy" };
}

/** The same for Gemini CLI; writes its `settings.json`. */
export function geminiEnv({ env, home }: Box, { url }: Pick<FakeLlm, "url">): Record<string, string> {
  mkdirSync(join(home, ".gemini"), { recursive: true });
  const settings = {
    security: { auth: { selectedType: "gemini-api-key" } },
    general: { enableAutoUpdate: false },
    privacy: { usageStatisticsEnabled: false },
  };
  writeFileSync(join(home, ".gemini", "settings.json"), JSON.stringify(settings));
  return { ...env, GEMINI_API_KEY: "dummy", GOOGLE_GEMINI_BASE_URL: url };
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Milliseconds from the start to the end. */
  readonly took: number;
}

/** Starts a program that reads nothing; `ended` is what came of it. */
export function started(
  path: string,
  args: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): { readonly process: ChildProcess; readonly ended: Promise<Ended> } {
  const from = performance.now();
  const child = spawn(path, args, { cwd, env: { ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const ended = Promise.all([once(child, "exit"), text(child.stdout), text(child.stderr)]).then(
    ([[code, signal], stdout, stderr]: [unknown[], string, string]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout,
      stderr,
      took: performance.now() - from,
    }),
  );
  return { process: child, ended };
}

/** The lines of a stream of JSON; what is not an object is left out. */
export function jsonLines(text: string): Array<Record<string, unknown>> {
  return text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
