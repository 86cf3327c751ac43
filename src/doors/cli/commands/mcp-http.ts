import type { Token } from "../../http/token.ts";
import { serveHttp } from "../../mcp/serve.ts";
import type { ServerParts } from "../../mcp/server.ts";
import type { Call } from "../command.ts";
import { httpOptions } from "../http-options.ts";
import { safeText } from "../safe.ts";

/** `loci mcp --http`: says where it listens and with which token, and serves until it is told to stop. */
export async function mcpOverHttp(parts: ServerParts, { input, env, folder, signal }: Call): Promise<void> {
  const { host, names, port, token } = httpOptions(
    { input, env, folder },
    { variable: "LOCI_MCP_TOKEN", keep: "mcp-token" },
  );
  await serveHttp(parts, {
    host,
    port,
    token: token.value,
    names,
    signal,
    onListening: (url) => process.stderr.write(`${saidOf(url, token, names).map(safeText).join("\n")}\n`),
  });
}

function saidOf(url: string, { value, origin }: Token, names: readonly string[]): string[] {
  const lines = [`loci mcp: ${url}`];
  const shown = origin === "made" ? value : "TOKEN";
  if (origin === "made") lines.push(`  token    ${value} (until this ends; --token-file FILE keeps one)`);
  if (origin === "environment") lines.push("  token    the one of LOCI_MCP_TOKEN");
  if (origin === "file") lines.push("  token    the one of --token-file");
  lines.push(
    `  connect  claude mcp add --transport http loci ${url} --header "Authorization: Bearer ${shown}"`,
  );
  if (names.length > 0)
    lines.push("  note     plain HTTP: the token and what is answered can be read on the way without TLS");
  return lines;
}
