/**
 * What helps, in this door's words: the domains name the commands of the command line, and whoever calls a tool may
 * have none.
 */
const tools: ReadonlyArray<readonly [command: RegExp, tool: string]> = [
  [/^loci know ls\b.*/, "Call search_knowledge."],
  [/^loci memory ls\b.*/, "Call list_decisions."],
  [/^loci ckpt ls\b.*/, "Call list_checkpoints."],
  [/^loci task ls\b.*/, "Call list_tasks."],
  [/^loci task show (\S+)$/, 'Call list_tasks with {"task_id":"$1"}.'],
  [/^loci task retry (\S+)$/, 'Call update_task with {"task_id":"$1","status":"ready"}.'],
  [/^loci database create NAME makes one$/, "Call create_database, or leave database out: then it is main."],
  [/^loci ls\b.*/, "Call list_sessions."],
];

export function remedyOf(next: string | undefined): string | undefined {
  const found = tools.find(([command]) => next !== undefined && command.test(next));
  return found === undefined ? next : next?.replace(found[0], found[1]);
}
