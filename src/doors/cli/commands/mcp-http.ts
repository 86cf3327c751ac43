import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { LociError } from "../../../errors.ts";
import { accessToken, type Token } from "../../http/token.ts";
import { serveHttp } from "../../mcp/serve.ts";
import type { ServerParts } from "../../mcp/server.ts";
import { type Call, textInput } from "../command.ts";
import { safeText } from "../safe.ts";

/** `loci mcp --http`: says where it listens and with which token, and serves until it is told to stop. */
export async function mcpOverHttp(parts: ServerParts, { input, env, folder, signal }: Call): Promise<void> {
  const { host, names } = placeOf(textInput(input, "host"), textInput(input, "allowRemote"));
  const file = textInput(input, "tokenFile");
  const person = env["HOME"] || homedir();
  const token = accessToken({
    file:
      file === undefined
        ? undefined
        : resolve(
            folder,
            file.replace(/^~(?=\/)/, () => person),
          ),
    given: env["LOCI_MCP_TOKEN"],
  });
  if (names.length > 0 && token.origin === "made") {
    throw new LociError("config", "A server that other machines may call wants a token of yours.", {
      where: "--allow-remote",
      next: `Give --token-file ${join("~", ".loci", "mcp-token")}, or set LOCI_MCP_TOKEN.`,
    });
  }
  const port = input["port"];
  await serveHttp(parts, {
    host,
    port: typeof port === "number" ? port : undefined,
    token: token.value,
    names,
    signal,
    onListening: (url) => process.stderr.write(`${saidOf(url, token, names).map(safeText).join("\n")}\n`),
  });
}

/** Only this machine, unless it was said by which names others call it. */
function placeOf(
  host: string | undefined,
  allowed: string | undefined,
): { readonly host: string; readonly names: readonly string[] } {
  const names = (allowed ?? "").split(",").map((name) => name.trim().toLowerCase());
  const remote = names.filter((name) => name !== "");
  const wrong = remote.find((name) => !/^(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::\d{1,5})?$/.test(name));
  if (wrong !== undefined || (allowed !== undefined && remote.length === 0)) {
    throw new LociError("invalid", `${JSON.stringify(wrong ?? allowed)} is no name of a machine.`, {
      where: "--allow-remote",
      next: "Name what clients call it by, with the port they use: --allow-remote loci.example.com:4747",
    });
  }
  if (host === undefined) return { host: "127.0.0.1", names: remote };
  const local = ["127.0.0.1", "localhost", "::1", "[::1]"].includes(host);
  if (local || remote.length > 0) return { host: host.replace(/^\[(.*)\]$/, "$1"), names: remote };
  throw new LociError("invalid", `${host} is not this machine alone: whoever reaches it could ask.`, {
    where: "--host",
    next: "Leave --host out; or say by which names others call it: --allow-remote NAMES --token-file FILE",
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
