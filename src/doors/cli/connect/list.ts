import { existsSync } from "node:fs";
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
import { pluginFile, settingsFile, settingsTarget } from "./plugin.ts";

interface Connection {
  readonly client: ClientName;
  readonly title: string;
  readonly project: boolean;
  /** The plugin that records, in place of the server; told only where it is. */
  readonly plugin: boolean;
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
          plugin: false,
          state: stateOf(serverTarget(client, ofProject), file),
          file,
        };
      })
      .filter((one) => !one.project || one.state !== "no file")
      .concat(scopes.flatMap((ofProject) => pluginOf(client, ofProject, where)));
  });
  const table = view<Connections, Connection>({
    rows: (answer) => answer.items,
    columns: () => [
      {
        title: "CLIENT",
        cell: ({ client, project, plugin }) =>
          `${client}${plugin ? " --plugin" : ""}${project ? " --project" : ""}`,
      },
      { title: "STATE", cell: ({ state }) => state },
      { title: "FILE", cell: ({ file }) => tilde(file, env), flexible: 20 },
    ],
    fields: () => [
      { name: "client", value: (row) => row.client },
      { name: "project", value: (row) => String(row.project) },
      { name: "plugin", value: (row) => String(row.plugin) },
      { name: "state", value: (row) => row.state },
      { name: "file", value: (row) => row.file },
    ],
    hints: () => ["loci connect CLIENT writes its configuration, after it has shown the difference."],
  });
  await out.answer({ items }, table, screen);
  return undefined;
}

function pluginOf(client: ClientName, project: boolean, where: Whereabouts): Connection[] {
  const file = client === "claude-code" ? settingsFile(project, where) : pluginFile(project, where);
  const isThere =
    client === "claude-code"
      ? stateOf(settingsTarget(project), file) === "connected"
      : client === "opencode" && existsSync(file);
  const { title } = clients[client];
  return isThere ? [{ client, title, project, plugin: true, state: "connected", file }] : [];
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
