import { openFileSession, type FileClient, type SessionOptions } from "../file/session.ts";
import { blockFor, openTursoConnection } from "./connection.ts";
import { importTurso } from "./driver.ts";
import { isBusy, translated } from "./errors.ts";

export interface TursoOptions extends SessionOptions {
  /** Bytes of a page of a new file. Default 4,096. */
  readonly pageSize?: number | undefined;
}

/** The file in this thread. */
export async function openSession(path: string, options: TursoOptions = {}): Promise<FileClient> {
  const { readonly = false, pageSize } = options;
  const { connect } = await importTurso();
  const driver = {
    open: () => openTursoConnection(path, () => connect(path, { timeout: blockFor }), { readonly, pageSize }),
    isBusy,
    translated: (error: unknown) => translated(path, error),
    oneAtATime: true,
  };
  return openFileSession(path, driver, options);
}
