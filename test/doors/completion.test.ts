import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { globalParams } from "../../dist/doors/cli/command.js";
import { commands } from "../../dist/doors/cli/commands.js";
import { completionScript } from "../../dist/doors/cli/completion.js";
import { commandHelp, overview } from "../../dist/doors/cli/help.js";
import { reference } from "../../dist/doors/cli/reference.js";
import { needs } from "../support/needs.ts";

const has = (shell: string): boolean => spawnSync(shell, ["--version"]).status === 0;

describe("the completion", () => {
  test("of bash is a script that bash reads, and completes commands, flags and choices", (context) => {
    needs(context, has("bash"), "bash reads its own script.");
    const script = completionScript("bash", commands, globalParams);
    const complete = (...words: string[]): string[] => {
      const line = `${script}\nCOMP_WORDS=(loci ${words.map((word) => `'${word}'`).join(" ")})\nCOMP_CWORD=${words.length}\n_loci\nprintf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout, stderr, status } = spawnSync("bash", ["-c", line], { encoding: "utf8" });
      expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
      return stdout.split("\n").filter(Boolean);
    };
    expect(spawnSync("bash", ["-n"], { input: script }).status).toBe(0);
    expect(complete("task", "")).toEqual(["ls", "add", "show", "retry", "cancel", "assign"]);
    expect(complete("edge", "").slice(0, 4)).toEqual(["add", "rm", "probe", "--from"]);
    expect(complete("edge", "--sw")).toEqual(["--swarm"]);
    expect(complete("task", "add", "--dep")).toEqual(["--depends-on"]);
    expect(complete("co")).toEqual(["cost", "connect", "config", "completion"]);
    expect(complete("ls", "--lim")).toEqual(["--limit"]);
    expect(complete("--db", "x.db", "cost", "--by", "")).toEqual(["day", "model", "project", "tool"]);
    expect(complete("completion", "f")).toEqual(["fish"]);
    expect(complete("kn")).toEqual(["know"]);
    expect(complete("know", "")).toEqual(["add", "search", "ls", "show", "rm", "export", "import"]);
    expect(complete("--db", "x.db", "ckpt", "s")).toEqual(["save", "show"]);
    expect(complete("know", "add", "--cat")).toEqual(["--category"]);
    expect(complete("memory", "--db", "x.db", "ls", "--sc")).toEqual(["--scope"]);
  });

  test("of zsh and fish parse where the shells are", () => {
    for (const shell of ["zsh", "fish"] as const) {
      const script = completionScript(shell, commands, globalParams);
      for (const { name, hidden } of commands) {
        if (!hidden) for (const word of name.split(" ")) expect(script).toContain(word);
      }
      if (has(shell)) expect(spawnSync(shell, ["-n"], { input: script }).status).toBe(0);
      // Without the shell: at least no quote is left open.
      expect(script.replaceAll("'\\''", "").split("'").length % 2).toBe(1);
    }
  });
});

describe("the help", () => {
  test("names every command and every flag", () => {
    const text = overview().join("\n");
    const shown = commands.filter(({ hidden }) => !hidden);
    expect(shown.length).toBeGreaterThan(12);
    for (const command of shown) {
      expect(text).toContain(`  ${command.name} `);
      const help = commandHelp(command).join(" ").replace(/\s+/g, " ");
      for (const [name, param] of Object.entries(command.params)) {
        if (!param.hidden) expect(help).toContain(param.summary);
        if (!param.hidden && !param.positional)
          expect(help).toContain(`--${name.replace(/[A-Z]/g, (l) => `-${l.toLowerCase()}`)}`);
      }
    }
  });

  test("is the page in the docs: node scripts/docs.mjs writes it", () => {
    expect(readFileSync(fileURLToPath(new URL("../../docs/cli.md", import.meta.url)), "utf8")).toBe(
      reference(),
    );
  });
});
