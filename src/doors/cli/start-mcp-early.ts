import { readFileSync } from "node:fs";

/** What the server answers to every client alike: made by the build, by asking it (`scripts/greeting.mjs`). */
interface Greeting {
  /** Versions of the protocol that begin with `initialize`, and in which it answers so. */
  readonly versions: readonly string[];
  /** By method; and those of the version in which every request says which it is, and needs no beginning. */
  readonly results: Results;
  readonly stateless: { readonly version: string; readonly results: Results };
}

type Results = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

interface Message {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

/** The client starts its agent, and both want the processor: the server is loaded behind that, in ms. */
const afterGreeting = 2_000;
const longestLine = 64 * 1024;
/** By which the server is told what the client has said already. */
const replayed = "loci/replayed";

/**
 * The start of `loci mcp` as programs start it, before the server is loaded: an agent's program waits for the first
 * answers, which are the same for everybody. What is asked beyond them loads the server, and so does a moment's rest; it
 * is told the client's greeting again, and reads on where this stopped. A client that leaves before has needed nothing:
 * what it wrote down is read by the next process.
 */
export async function start(): Promise<void> {
  const { stdin, stdout } = process;
  const greeter = createGreeter((message) =>
    stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`),
  );
  const unanswered = fromShell();
  let rest = unanswered ?? Buffer.alloc(0);
  const leave = (): void => process.exit(0);
  stdin.on("end", leave);
  stdout.on("error", leave);
  await new Promise<void>((load) => {
    let timer: NodeJS.Timeout | undefined;
    const handOver = (): void => {
      clearTimeout(timer);
      stdin.off("readable", hear);
      load();
    };
    const hear = (): void => {
      clearTimeout(timer);
      timer = setTimeout(handOver, afterGreeting);
      for (let piece: Buffer | null = stdin.read(); piece !== null; piece = stdin.read()) {
        rest = Buffer.concat([rest, piece]);
      }
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
        if (!greeter.take(rest.toString("utf8", 0, end))) return handOver();
        rest = rest.subarray(end + 1);
      }
      if (rest.length > longestLine) handOver();
    };
    stdin.on("readable", hear);
    if (unanswered?.length === 0) handOver();
    else if (unanswered !== undefined) hear();
  });
  const { start: startServer } = await import("./start-mcp.ts");
  stdin.off("end", leave);
  stdout.off("error", leave);
  if (greeter.said.length > 0) withoutAnswer();
  const unread = Buffer.concat([...greeter.said.map((line) => Buffer.from(`${line}\n`)), rest]);
  if (unread.length > 0) stdin.unshift(unread);
  await startServer();
}

/**
 * What the shell that answered before us has read and could not answer, if one did: a line, or nothing when it had a
 * moment's rest already (plugins/claude-code/server.sh).
 */
function fromShell(): Buffer | undefined {
  const { LOCI_MCP_UNREAD: file } = process.env;
  if (file === undefined) return undefined;
  delete process.env["LOCI_MCP_UNREAD"];
  const line = readFileSync(Number(file));
  return line.length === 1 ? Buffer.alloc(0) : line;
}

interface Greeter {
  /** False: this is for the server itself. */
  take(line: string): boolean;
  /** What the client said that the server has to be told, as lines. */
  readonly said: readonly string[];
}

function createGreeter(write: (message: object) => void): Greeter {
  const greeting = readGreeting();
  const said: string[] = [];
  return {
    said,
    take(line) {
      const message = parsed(line);
      if (message === undefined) return false;
      const { id, method } = message;
      const isGreeted = said.length > 0;
      if (isGreeted && method === "notifications/initialized") return said.push(line) > 0;
      const result = resultOf(message, greeting, isGreeted);
      if (id === undefined || result === undefined) return false;
      if (method === "initialize") said.push(JSON.stringify({ ...message, id: replayed }));
      write({ id, result });
      return true;
    },
  };
}

/** The client has its answer: the server's own is kept back. */
function withoutAnswer(): void {
  const { stdout } = process;
  const write = stdout.write.bind(stdout);
  stdout.write = (chunk: string | Uint8Array, ...more: unknown[]): boolean => {
    if (!String(chunk).includes(`"id":"${replayed}"`)) return Reflect.apply(write, stdout, [chunk, ...more]);
    stdout.write = write;
    const done = more.findLast((one) => typeof one === "function");
    if (typeof done === "function") queueMicrotask(() => Reflect.apply(done, undefined, []));
    return true;
  };
}

function readGreeting(): Greeting {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own build wrote it
    return JSON.parse(readFileSync(new URL("./mcp-greeting.json", import.meta.url), "utf8")) as Greeting;
  } catch {
    return { versions: [], results: {}, stateless: { version: "", results: {} } };
  }
}

function parsed(line: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(line);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each field is looked at before it is used
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Message)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined: the server itself has to answer. */
function resultOf({ method = "", params }: Message, greeting: Greeting, isGreeted: boolean): unknown {
  const { versions, stateless } = greeting;
  if (params?.["cursor"] !== undefined) return undefined;
  const meta = params?.["_meta"];
  const claimed: unknown =
    typeof meta === "object" && meta !== null
      ? Reflect.get(meta, "io.modelcontextprotocol/protocolVersion")
      : undefined;
  if (claimed === stateless.version) return own(stateless.results, method);
  if (claimed !== undefined || isGreeted === (method === "initialize")) return undefined;
  const result = own(greeting.results, method);
  if (isGreeted) return result;
  const version = params?.["protocolVersion"];
  const known = typeof version === "string" && versions.includes(version);
  return known && result !== undefined ? { ...result, protocolVersion: version } : undefined;
}

function own(results: Results, method: string): unknown {
  return Object.hasOwn(results, method) ? results[method] : undefined;
}
