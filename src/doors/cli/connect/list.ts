import { errorCode } from "../../../errors.ts";
import type { Call } from "../command.ts";
import { tilde } from "../config.ts";
import { view } from "../output.ts";
import { isConnected } from "./change.ts";
import {
  clientNames,
  clients,
  fileOf,
  serverTarget,
  type ClientName,
  type Target,
  type Whereabouts,
} from "./clients.ts";
import { readConfig } from "./file.ts";

interface Connection {
  readonly client: ClientName;
  readonly title: string;
  readonly project: boolean;
  readonly state: "connected" | "not connected" | "no file" | "unreadable";
  readonly file: string;
}

interface Connections {
  readonly items: readonly Connection[];
}

/** `loci connect`: the clients that can be connected, and which are. */
export async function connections({ out, env, screen }: Call, where: Whereabouts): Promise<undefined> {
  const items = clientNames.flatMap((client): Connection[] => {
    const { title, project } = clients[client];
    const scopes = project === undefined ? [false] : [false, true];
    return scopes
      .map((ofProject) => {
        const file = fileOf(client, ofProject, where);
        return {
          client,
          title,
          project: ofProject,
          state: stateOf(serverTarget(client, ofProject), file),
          file,
        };
      })
      .filter((one) => !one.project || one.state !== "no file");
  });
  const table = view<Connections, Connection>({
    rows: (answer) => answer.items,
    columns: () => [
      { title: "CLIENT", cell: ({ client, project }) => `${client}${project ? " --project" : ""}` },
      { title: "STATE", cell: ({ state }) => state },
      { title: "FILE", cell: ({ file }) => tilde(file, env), flexible: 20 },
    ],
    fields: () => [
      { name: "client", value: (row) => row.client },
      { name: "project", value: (row) => String(row.project) },
      { name: "state", value: (row) => row.state },
      { name: "file", value: (row) => row.file },
    ],
    hints: () => ["loci connect CLIENT writes its configuration, after it has shown the difference."],
  });
  await out.answer({ items }, table, screen);
  return undefined;
}

function stateOf(target: Target, file: string): Connection["state"] {
  try {
    const found = readConfig(file);
    if (found.bytes === undefined) return "no file";
    return isConnected(target, found) ? "connected" : "not connected";
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return "unreadable";
  }
}
