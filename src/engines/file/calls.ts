import type { Answer, Statement } from "../sql/client.ts";
import { type Caller, startThread } from "./caller.ts";
import type { FileClient } from "./session.ts";

export type Call =
  | { readonly kind: "read"; readonly statement: Statement }
  | { readonly kind: "write"; readonly statements: readonly Statement[]; readonly again: boolean }
  | { readonly kind: "backup"; readonly path: string }
  | { readonly kind: "keepCopy"; readonly label: string }
  | { readonly kind: "check" }
  | { readonly kind: "close" };

/** A file in the thread that `module` is. */
export async function openThread(module: URL, path: string, options: object): Promise<FileClient> {
  return fileClient(
    path,
    await startThread<Call>({ module, path, data: { path, options } }, { kind: "close" }),
  );
}

/** The file as its thread has it. */
export function fileClient(path: string, { ask, close }: Caller<Call>): FileClient {
  return {
    place: path,
    read: (statement) => ask<Answer>({ kind: "read", statement }),
    write: (statements, { again }) => ask<Answer[]>({ kind: "write", statements, again }),
    backup: (target) => ask<void>({ kind: "backup", path: target }),
    keepCopy: (label) => ask<void>({ kind: "keepCopy", label }),
    check: () => ask<string[]>({ kind: "check" }),
    close,
  };
}

/** The thread's side. */
export function answerCall(session: FileClient, call: Call): Promise<unknown> {
  switch (call.kind) {
    case "read":
      return session.read(call.statement);
    case "write":
      return session.write(call.statements, { again: call.again });
    case "backup":
      return session.backup(call.path);
    case "keepCopy":
      return session.keepCopy?.(call.label) ?? Promise.resolve();
    case "check":
      return session.check();
    case "close":
      return session.close();
  }
}
