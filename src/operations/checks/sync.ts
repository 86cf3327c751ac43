import type { Loci } from "../../open.ts";
import type { Finding, NamedCheck } from "../doctor.ts";
import { hubProblems } from "../sync-status.ts";

/** Of a store that has a hub, or had one; none for others. */
export function syncChecks({ sync }: Loci, now: number): readonly NamedCheck[] {
  return sync === undefined ? [] : [{ name: "sync", look: () => look(sync, now) }];
}

async function look(sync: NonNullable<Loci["sync"]>, now: number): Promise<Finding> {
  const { hubs, localSessions } = await sync.status();
  if (hubs.length === 0) return { state: "ok", fact: "with no hub" };
  const [problem] = hubs.flatMap((hub) => hubProblems(hub, now));
  if (problem !== undefined) {
    return { state: "warn", fact: `${problem.who}: ${problem.what}`, fix: problem.fix };
  }
  const waiting = hubs.reduce((sum, { pending }) => sum + (pending ?? 0), 0);
  const local = localSessions === 0 ? "" : `, ${localSessions} sessions stay here`;
  return {
    state: "ok",
    fact: `with ${hubs.map(({ hub }) => hub).join(", ")}; ${waiting} changes wait${local}`,
  };
}
