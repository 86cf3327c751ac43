/**
 * What we use of the protocol's SDK. It stands alone here because the build bundles this one file: installed, the SDK
 * is 17 MB in three packages; bundled it is one file, and loads in a third of the time.
 */
export { createMcpHandler, ProtocolError, ResourceNotFoundError, Server } from "@modelcontextprotocol/server";
export { serveStdio } from "@modelcontextprotocol/server/stdio";
