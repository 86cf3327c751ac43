import type { Call } from "../command.ts";
import { view } from "../output.ts";
import { version } from "../version.ts";

interface VersionAnswer {
  readonly version: string;
  readonly node: string;
  readonly platform: string;
}

const versionView = view<VersionAnswer, VersionAnswer>({
  rows: (answer) => [answer],
  columns: () => [],
  draw: (answer) => [answer.version],
  fields: () =>
    (["version", "node", "platform"] as const).map((name) => ({
      name,
      value: (row: VersionAnswer) => row[name],
    })),
});

/** `loci version` with a flag; without one, main.ts answers. */
export async function showVersion({ out }: Call): Promise<undefined> {
  const answer = {
    version: version(),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
  };
  await out.answer(answer, versionView);
  return undefined;
}
