import type { Command } from "./command.ts";
import { hook, hookEvents, toldFolder } from "./hook/hook.ts";

/** What stands beside Claude Code: docs/claude-code.md. */
export const claudeCommands: readonly Command[] = [
  {
    name: "resume",
    summary: "go on with a recorded session in its own program, also on a machine that never saw it",
    params: {
      id: {
        kind: "string",
        positional: true,
        required: true,
        summary: "the session, by its id or the beginning of it",
      },
      folder: {
        kind: "string",
        letter: "C",
        summary: "the project's folder on this machine; else where the session was, else this one",
        placeholder: "FOLDER",
      },
      print: {
        kind: "boolean",
        summary: "put the transcript back and print the command, without running it",
      },
    },
    details:
      "Claude Code: its transcript and those of its sub-agents are put back from the store, where claude --resume finds them; a file that is there already is never overwritten. Codex, OpenCode and Gemini go on with the sessions they have on this machine.",
    examples: [
      ["loci resume k3f9", "in the folder where it was"],
      ["loci resume k3f9 --folder ~/src/api --print", "on another machine, only prepared"],
    ],
    run: async (call) => (await import("./commands/resume.ts")).resume(call),
  },
  {
    name: "hook",
    summary: "what the hooks of the Claude Code plugin call; reads what the hook is told from stdin",
    hidden: true,
    params: {
      event: {
        kind: "enum",
        positional: true,
        required: true,
        choices: hookEvents,
        summary: "start prints what is known of the project; turn reads what is new in the transcript",
      },
    },
    examples: [],
    async run({ input, env, folder, settings, out }) {
      const event = hookEvents.find((one) => one === input["event"]) ?? "start";
      const url = settings.get("url").value ?? "";
      const { text } = await import("node:stream/consumers");
      const said = process.stdin.isTTY ? "" : await text(process.stdin);
      const redact = { off: settings.get("redact").value === "off" };
      const told = toldFolder(settings);
      await out.write(await hook({ event, url, told, env, folder, said, redact }));
      return undefined;
    },
  },
];
