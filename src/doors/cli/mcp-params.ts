import type { Params } from "../../operations/operation.ts";
import type { Command } from "./command.ts";
import { clientNames } from "./connect/clients.ts";

/** What `loci mcp --http` takes. */
export const httpParams: Params = {
  http: { kind: "boolean", summary: "Streamable HTTP instead of stdin and stdout" },
  port: {
    kind: "integer",
    min: 0,
    max: 65_535,
    summary: "with --http: this port, 0 for any; else 4747 or the next free one",
  },
  host: {
    kind: "string",
    summary: "with --http: the address to listen on; 127.0.0.1 unless --allow-remote is given",
    placeholder: "ADDRESS",
  },
  allowRemote: {
    kind: "string",
    summary: "with --http: the names that other machines call it by, with commas; wants a token of yours",
    placeholder: "NAMES",
  },
  tokenFile: {
    kind: "string",
    summary: "with --http: the file (0600) of the token, made if it is not there; else LOCI_MCP_TOKEN",
    placeholder: "FILE",
  },
};

/** What `loci serve` takes. */
export const serveParams: Params = {
  port: {
    kind: "integer",
    min: 0,
    max: 65_535,
    summary: "this port, 0 for any; else 4318 or the next free one",
  },
  host: {
    kind: "string",
    summary: "the address to listen on; 127.0.0.1 unless --allow-remote is given",
    placeholder: "ADDRESS",
  },
  allowRemote: {
    kind: "string",
    summary: "the names that other machines call it by, with commas; wants a token of yours",
    placeholder: "NAMES",
  },
  tokenFile: {
    kind: "string",
    summary: "the file (0600) of the token, made if it is not there; else LOCI_SERVE_TOKEN",
    placeholder: "FILE",
  },
};

/** `loci connect`. */
export const connectCommand: Command = {
  name: "connect",
  summary: "let an agent's program use the store: write its MCP configuration",
  params: {
    client: {
      kind: "enum",
      positional: true,
      choices: clientNames,
      summary: "the program; without it, which ones are connected",
    },
    project: { kind: "boolean", summary: "the file of this folder's project instead of your own" },
    plugin: {
      kind: "boolean",
      summary: "claude-code, opencode: the plugin that records, instead of the MCP server",
    },
    dryRun: { kind: "boolean", summary: "show the difference and write nothing" },
    undo: { kind: "boolean", summary: "put back what stood there before, to the byte" },
    yes: { kind: "boolean", letter: "y", summary: "write without asking" },
  },
  details:
    "Shows the difference first and asks. One file is changed, all at once; its comments, its order and its line ends stay, and what stood there is kept in ~/.loci/connect for --undo. A file with a fault is not touched.",
  examples: [
    ["loci connect", "which programs are connected"],
    ["loci connect claude-code", "in all your projects"],
    ["loci connect cursor --project --dry-run", "what would be written into .cursor/mcp.json"],
    ["loci connect claude-code --plugin", "Claude Code is recorded while it works: docs/claude-code.md"],
    ["loci connect opencode --plugin", "OpenCode records what it does: docs/opencode.md"],
    ["loci connect claude-code --undo", "the way back"],
  ],
  run: async (call) => (await import("./commands/connect.ts")).connect(call),
};

/** `loci attach`. */
export const attachCommand: Command = {
  name: "attach",
  summary: "record a running server of agents until Ctrl-C",
  params: {
    program: {
      kind: "enum",
      positional: true,
      required: true,
      choices: ["opencode"],
      summary: "the program",
    },
    server: { kind: "string", positional: true, required: true, summary: "the URL of its server" },
    directory: { kind: "string", summary: "only sessions of this folder", placeholder: "FOLDER" },
    session: { kind: "string", summary: "only this session, and its sub-agents", placeholder: "ID" },
  },
  details:
    "Listens to the server and catches up with what it did while nobody listened. The password comes from OPENCODE_SERVER_PASSWORD. The server is not changed, and not held up.",
  examples: [
    ["loci attach opencode http://127.0.0.1:4096", "everything that opencode serve does"],
    ["loci attach opencode http://127.0.0.1:4096 --directory .", "of this folder"],
  ],
  run: async (call) => (await import("./commands/attach.ts")).attach(call),
};
