import { errorCode, LociError } from "../../../errors.ts";
import type { Loci } from "../../../open.ts";
import { examineAll, type NamedCheck } from "../../../operations/doctor.ts";
import type { Call } from "../command.ts";
import { withoutSecrets } from "../config.ts";
import { version } from "../version.ts";
import { doctorView } from "../views/doctor.ts";

/** `loci doctor`: also where the store does not open, which is when one asks. Exit code 6 where a check failed. */
export async function doctor(call: Call): Promise<number> {
  const { settings, context, input, out } = call;
  let loci: Loci | null = null;
  let broken: unknown;
  try {
    loci = await call.open();
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    broken = error;
  }
  const url = settings.get("url");
  const more: NamedCheck[] = [
    { name: "loci", look: () => ({ state: "ok", fact: version() }) },
    {
      name: "settings",
      look: () => ({
        state: "ok",
        fact: [settings.userFile, settings.projectFile].filter(Boolean).join(", "),
      }),
    },
    {
      name: "store opens",
      look: () =>
        broken instanceof LociError
          ? { state: "fail", fact: `${broken.code}: ${broken.message}`, fix: remedy(broken) }
          : { state: "ok", fact: `${withoutSecrets(url.value ?? "")} (${url.origin})` },
    },
  ];
  const answer = await examineAll({ loci, context, repair: input["fix"] === true, more });
  await out.answer(answer, doctorView);
  return answer.failed > 0 ? 6 : 0;
}

/** Where the error sends people here, what helps has to be said here. */
function remedy({ code, next }: LociError): string | undefined {
  return code === "corrupt"
    ? "Put a copy of it in its place, or name a new file with --db: loci import fills it again from the transcripts"
    : next;
}
