// Scenario engine shared by every protocol. Stateless on purpose: the reply is chosen from the
// request itself (latest user prompt + number of assistant turns since it), so concurrent
// sub-agents, retries, resumed sessions and background helper calls do not disturb each other.

const REMINDER = /<system-reminder>[\s\S]*?<\/system-reminder>/g;

export function stripReminders(text) {
  return String(text ?? "")
    .replace(REMINDER, "")
    .trim();
}

/** A message is a prompt when a human (or a parent agent) wrote it: user role, no tool results, some text. */
function isPrompt(m) {
  return m.role === "user" && m.toolResults.length === 0 && stripReminders(m.text) !== "";
}

/** Latest prompt, how many assistant messages follow it, and the newest tool results. */
export function locate(req) {
  let at = -1;
  for (let i = req.messages.length - 1; i >= 0; i--)
    if (isPrompt(req.messages[i])) {
      at = i;
      break;
    }
  const tail = req.messages.slice(at + 1);
  // Consecutive assistant messages are one turn (some clients split text and tool calls).
  let turn = 0;
  tail.forEach((m, i) => {
    if (m.role === "assistant" && tail[i - 1]?.role !== "assistant") turn++;
  });
  const lastResults = req.messages.filter((m) => m.toolResults.length).at(-1)?.toolResults ?? [];
  return {
    prompt: at < 0 ? "" : stripReminders(req.messages[at].text),
    turn,
    lastToolResult: lastResults.map((r) => r.text).join("\n"),
    lastToolError: lastResults.some((r) => r.isError),
  };
}

function test(pattern, value) {
  return pattern === undefined || new RegExp(pattern, "is").test(value);
}

function matches(match, req, where) {
  return (
    test(match.prompt, where.prompt) &&
    test(match.system, req.system) &&
    test(match.model, req.model) &&
    test(match.protocol, req.protocol) &&
    (match.hasTools === undefined || match.hasTools === req.tools.length > 0) &&
    (match.tool === undefined || req.tools.includes(match.tool))
  );
}

export class Scenario {
  #hits = new Map();
  #ids = 0;
  constructor(spec, vars = {}) {
    this.spec = spec;
    this.vars = { ...spec.vars, ...vars };
  }

  nextId(prefix) {
    return `${prefix}fake${String(++this.#ids).padStart(20, "0")}`;
  }

  #fill(value, extra) {
    if (typeof value === "string") {
      return value.replace(/\$\{([A-Za-z_]\w*)\}/g, (all, name) => {
        const v = extra[name] ?? this.vars[name];
        return v === undefined ? all : String(v);
      });
    }
    if (Array.isArray(value)) return value.map((v) => this.#fill(v, extra));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, this.#fill(v, extra)]));
    }
    return value;
  }

  /** @returns {{conversation: string, turn: number, reply: object}} */
  choose(req) {
    const where = locate(req);
    for (const conv of this.spec.conversations ?? []) {
      if (!matches(conv.match ?? {}, req, where)) continue;
      let turn = conv.turns[where.turn];
      if (turn === undefined) turn = conv.after === "repeat-last" ? conv.turns.at(-1) : undefined;
      if (turn === undefined) continue;
      const key = `${conv.id}#${where.turn}#${where.prompt}`;
      const hit = (this.#hits.get(key) ?? 0) + 1;
      this.#hits.set(key, hit);
      // error.times: fail only the first N attempts of this turn, then answer normally.
      if (turn.error && hit > (turn.error.times ?? Infinity)) turn = { ...turn, error: undefined };
      return { conversation: conv.id, turn: where.turn, reply: this.#normal(this.#fill(turn, where), req) };
    }
    const fallback = this.spec.fallback ?? { text: "OK." };
    return {
      conversation: "(fallback)",
      turn: where.turn,
      reply: this.#normal(this.#fill(fallback, where), req),
    };
  }

  #normal(turn, req) {
    const blocks = turn.blocks ?? [
      ...(turn.thinking ? [{ thinking: turn.thinking }] : []),
      ...(turn.text ? [{ text: turn.text }] : []),
      ...(turn.tools ?? []),
    ];
    const out = JSON.stringify(blocks).length;
    const inp = JSON.stringify(req.messages).length + req.system.length;
    return {
      ...turn,
      blocks,
      stop: turn.stop ?? (blocks.some((b) => b.tool) ? "tool_use" : "end_turn"),
      usage: {
        input: Math.ceil(inp / 4),
        output: Math.ceil(out / 4),
        cacheRead: 0,
        cacheWrite: 0,
        reasoning: 0,
        ...turn.usage,
      },
    };
  }
}

/** Split text into small pieces so that clients see a real stream. */
export function pieces(text, size = 16) {
  const out = [];
  for (let i = 0; i < text.length; i += size) out.push(text.slice(i, i + size));
  return out.length ? out : [""];
}
