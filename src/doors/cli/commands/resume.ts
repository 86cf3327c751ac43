import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { prepareResume, type ResumeAnswer } from "../../../operations/resume.ts";
import { type Call, flagInput, textInput } from "../command.ts";
import { tilde } from "../config.ts";
import { view } from "../output.ts";
import { counted } from "../people.ts";

/** `loci resume ID`: on a terminal it goes on at once, elsewhere it says how. */
export async function resume(call: Call): Promise<number | undefined> {
  const { input, out, env, folder, context } = call;
  const loci = await call.open();
  const given = textInput(input, "folder");
  const answer = await prepareResume(
    loci,
    { id: textInput(input, "id") ?? "", folder: given === undefined ? undefined : resolve(folder, given) },
    context,
  );
  const put = answer.files.filter(({ state }) => state !== "kept");
  if (put.length > 0)
    out.note(`${counted(put.length, "transcript")} put back below ${tilde(put[0]?.path ?? "", env)}`);
  const [program = "", ...args] = answer.command;
  const runs = out.format === "table" && out.isTerminal && process.stdin.isTTY && !flagInput(input, "print");
  if (!runs || !onPath(program, env["PATH"])) {
    if (runs) out.note(`${program} is not on the PATH. Where it is, this goes on with the session:`);
    await out.answer(answer, resumeView);
    return undefined;
  }
  // The program may run for hours: the store is not held meanwhile.
  await loci.close();
  return new Promise((done, fail) => {
    const child = spawn(program, args, {
      cwd: answer.folder,
      stdio: "inherit",
      shell: process.platform === "win32",
    });
    child.once("error", fail);
    child.once("exit", (code) => done(code ?? 1));
  });
}

const resumeView = view<ResumeAnswer, ResumeAnswer>({
  rows: (answer) => [answer],
  columns: () => [],
  fields: () => [
    { name: "folder", value: ({ folder }) => folder },
    { name: "command", value: ({ command }) => command.join(" ") },
  ],
  draw: ({ folder, command }) => [`cd ${quoted(folder)} && ${command.map(quoted).join(" ")}`],
  record: (answer) => answer,
});

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function onPath(program: string, path = ""): boolean {
  return path
    .split(delimiter)
    .some((folder) => ["", ".cmd", ".exe"].some((ending) => existsSync(join(folder, program + ending))));
}
