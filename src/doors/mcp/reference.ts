import { compatToolsets, maxTokens, type Tool, toolsets, usualToolsets } from "./tool.ts";
import { listed, tools } from "./tools.ts";

/** What the list of tools costs a model that reads it, at four characters a token. */
export function listTokens(some: readonly Tool[]): number {
  return Math.ceil(JSON.stringify(some.map(listed)).length / 4);
}

/** The tools' part of docs/mcp.md: `node scripts/docs.mjs` writes it, and a test fails when it is stale. */
export function toolReference(): string {
  const own = tools.filter(({ toolset }) => toolsets.some((set) => set === toolset));
  const usual = tools.filter(({ toolset }) => usualToolsets.some((set) => set === toolset));
  const rows = tools.map((tool) => {
    const { name, description, params, toolset, operation, aliases = {} } = tool;
    const shown = Object.entries(params).map(([param, { required }]) => {
      const others = Object.keys(aliases).filter((alias) => aliases[alias] === param);
      const also = others.map((alias) => ` or \`${alias}\``).join("");
      return `\`${param}\`${also}${required ? " (required)" : ""}`;
    });
    return `| \`${name}\` | ${toolset} | ${operation.access} | ${description.replaceAll("|", "\\|")} | ${shown.join(", ") || "–"} |`;
  });
  const sets = [...toolsets, ...compatToolsets].map(
    (set) => `\`${set}\` ${listTokens(tools.filter(({ toolset }) => toolset === set))}`,
  );
  return [
    "| tool | tool set | access | what it does | arguments |",
    "|---|---|---|---|---|",
    ...rows,
    "",
    `What is offered without a flag costs a model ${listTokens(usual)} tokens (characters divided by four), all ${own.length} of \`--toolsets all\` ${listTokens(own)}; by tool set: ${sets.join(", ")}.`,
    `An answer has at most \`max_tokens\`: ${maxTokens.default} unless the call says otherwise, from ${maxTokens.min} to ${maxTokens.max}.`,
  ].join("\n");
}
