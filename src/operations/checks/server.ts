import { expiryOf } from "../../engine/json-web-token.ts";
import type { Loci } from "../../open.ts";
import type { Finding, NamedCheck } from "../doctor.ts";
import type { Context } from "../operation.ts";

/** Of a libSQL server; none for another store. */
export function serverChecks(
  { engine, place }: Loci,
  { env, now }: Pick<Context, "env" | "now">,
): readonly NamedCheck[] {
  const clock = engine.now;
  if (engine.name !== "remote" || !clock) return [];
  return [
    { name: "server", look: () => roundTrip(place, clock) },
    { name: "token", look: () => token(place, env, now()) },
  ];
}

async function roundTrip(place: string, clock: () => Promise<number>): Promise<Finding> {
  const times: number[] = [];
  for (let n = 0; n < 5; n++) {
    const began = performance.now();
    await clock();
    times.push(performance.now() - began);
  }
  const median = times.toSorted((a, b) => a - b)[2] ?? 0;
  return {
    state: median > 500 ? "warn" : "ok",
    fact: `${place} answers in ${median.toFixed(1)} ms`,
    fix: median > 500 ? "Use a server that is nearer; the recorder does not wait for it" : undefined,
  };
}

function token(place: string, env: Context["env"], now: number): Finding {
  const { protocol, hostname } = new URL(place);
  const isHere = /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost|.+\.localhost)$/.test(hostname);
  const given = env["LOCI_AUTH_TOKEN"] || env["TURSO_AUTH_TOKEN"];
  if (given === undefined || given === "")
    return { state: "ok", fact: "none in the environment, and none was asked for" };
  if (/^(http|ws):$/.test(protocol) && !isHere) {
    return {
      state: "warn",
      fact: "it travels without encryption",
      fix: "Name the server with libsql:// or https://",
    };
  }
  const ends = expiryOf(given);
  if (ends === undefined) return { state: "ok", fact: "from the environment, without an end" };
  const days = (ends - now) / 86_400_000;
  const soon = days < 7;
  return {
    state: soon ? "warn" : "ok",
    fact: `from the environment, ends ${new Date(ends).toISOString().slice(0, 16)}Z`,
    fix: soon ? "turso db tokens create NAME, then set LOCI_AUTH_TOKEN to what it says" : undefined,
  };
}
