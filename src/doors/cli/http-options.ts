import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { LociError } from "../../errors.ts";
import { accessToken, type Token } from "../http/token.ts";
import { type Call, textInput } from "./command.ts";

export interface HttpOptions {
  readonly host: string;
  /** Names other than this machine's own by which others call it. */
  readonly names: readonly string[];
  readonly port: number | undefined;
  readonly token: Token;
}

/** What `--port`, `--host`, `--allow-remote` and `--token-file` say of a server. Errors: `invalid`, `config`, `permission`. */
export function httpOptions(
  { input, env, folder }: Pick<Call, "input" | "env" | "folder">,
  /** The environment's name for the token, and a good one for its file. */
  { variable, keep }: { readonly variable: string; readonly keep: string },
): HttpOptions {
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
    given: env[variable],
    variable,
  });
  if (names.length > 0 && token.origin === "made") {
    throw new LociError("config", "A server that other machines may call wants a token of yours.", {
      where: "--allow-remote",
      next: `Give --token-file ${join("~", ".loci", keep)}, or set ${variable}.`,
    });
  }
  const port = input["port"];
  return { host, names, port: typeof port === "number" ? port : undefined, token };
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
