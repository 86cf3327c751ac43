import type { Params } from "../../operations/operation.ts";

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
