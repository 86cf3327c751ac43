import { serve as serveHttp } from "../../http/serve.ts";
import type { Token } from "../../http/token.ts";
import { createTelemetryReceiver } from "../../../operations/telemetry.ts";
import { type Call, textInput } from "../command.ts";
import { httpOptions } from "../http-options.ts";
import { safeText } from "../safe.ts";

/** `loci serve`: takes in what agents' programs send, until it is told to stop. What we have to say goes to stderr. */
export async function serve(call: Call): Promise<undefined> {
  const { signal, now, input } = call;
  const { host, names, port, token } = httpOptions(call, {
    variable: "LOCI_SERVE_TOKEN",
    keep: "serve-token",
  });
  const loci = await call.open();
  const redact = call.settings.get("redact").value === "off" ? { redact: false as const } : {};
  const recorder = loci.recorder({ now, ...redact });
  const receiver = createTelemetryReceiver(recorder, { now });
  const say = (lines: readonly string[]): void =>
    void process.stderr.write(`${lines.map(safeText).join("\n")}\n`);
  try {
    await serveHttp(receiver, {
      host,
      port,
      token: token.value,
      names,
      signal,
      onListening: (url) => say(saidOf(url, token, { names, file: textInput(input, "tokenFile") })),
    });
  } finally {
    const { written, spooled, dropped } = await recorder.close();
    const { requests, unrelated, rejected } = receiver.tally;
    say([
      `loci serve: ${requests} requests; ${written} happenings written, ${spooled} in the spool, ${dropped} dropped; ` +
        `${unrelated} records of no agent, ${rejected} rejected`,
    ]);
  }
  return undefined;
}

function saidOf(
  url: string,
  { value, origin }: Token,
  { names, file }: { readonly names: readonly string[]; readonly file: string | undefined },
): string[] {
  // What a shell makes of it, and a file of settings does not: there it is for the reader to put in.
  const shown = {
    made: { shell: value, settings: value, note: "" },
    file: { shell: `$(cat ${file ?? ""})`, settings: "TOKEN", note: `  # TOKEN: the text of ${file ?? ""}` },
    environment: {
      shell: "$LOCI_SERVE_TOKEN",
      settings: "TOKEN",
      note: "  # TOKEN: the value of LOCI_SERVE_TOKEN",
    },
  }[origin];
  const told = {
    made: `${value} (until this ends; --token-file FILE keeps one)`,
    file: "the one of --token-file",
    environment: "the one of LOCI_SERVE_TOKEN",
  }[origin];
  return [
    `loci serve: ${url}`,
    `  token    ${told}`,
    ...exporterLines(url, shown).map((line) => `  ${line}`),
    ...(names.length > 0 ? ["  note     plain HTTP: the token and what is sent can be read on the way"] : []),
  ];
}

/** What makes each program send its telemetry here, ready to be pasted. */
function exporterLines(
  url: string,
  { shell, settings, note }: { readonly shell: string; readonly settings: string; readonly note: string },
): string[] {
  const headers = `OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20${shell}"`;
  const usual = `OTEL_EXPORTER_OTLP_ENDPOINT=${url} ${headers}`;
  return [
    "",
    "Claude Code, before it is started (the last line: with what was said, and what tools were given):",
    "  export CLAUDE_CODE_ENABLE_TELEMETRY=1 OTEL_LOGS_EXPORTER=otlp OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
    `  export ${usual}`,
    "  export OTEL_LOG_USER_PROMPTS=1 OTEL_LOG_ASSISTANT_RESPONSES=1 OTEL_LOG_TOOL_DETAILS=1",
    "",
    "Codex, in ~/.codex/config.toml:",
    "  [otel]",
    "  log_user_prompt = true",
    `  exporter = { otlp-http = { endpoint = "${url}/v1/logs", protocol = "binary", headers = { "Authorization" = "Bearer ${settings}" } } }${note}`,
    "",
    "Gemini CLI, before it is started:",
    "  export GEMINI_TELEMETRY_ENABLED=true GEMINI_TELEMETRY_TARGET=local GEMINI_TELEMETRY_OTLP_PROTOCOL=http",
    `  export GEMINI_TELEMETRY_OTLP_ENDPOINT=${url} ${headers}`,
    "",
    'OpenCode, with "experimental": { "openTelemetry": true } in opencode.json, and any other program:',
    `  export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`,
    `  export ${usual}`,
  ];
}
