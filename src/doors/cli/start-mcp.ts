/**
 * The start of `loci mcp`: the same, with the server loaded beside it. An agent's program waits for the first answer,
 * and the build makes one file of this (`scripts/bundle.mjs`): a sixth less work (186 instead of 222 ms of processor
 * time on a busy machine, a bare Node 71).
 */
export { mcp } from "./commands/mcp.ts";
export { start } from "./start.ts";
/** For the command behind a flag (`loci --db FILE mcp`), which is not in that file: the build points it here. */
export { serveHttp, serveTools } from "../mcp/serve.ts";
