import { errorCode, type LociError } from "../../../errors.ts";
import { safeText } from "../../cli/safe.ts";
import { remedyOf } from "../remedies.ts";
import { ProtocolError, ResourceNotFoundError } from "../sdk.ts";

/** JSON-RPC's codes. */
const invalidParams = -32_602;
const internalError = -32_603;

/** An error of a resource or a prompt, which have no answer that says it: the sentence, and what helps. */
export function protocolFault(error: unknown, uri?: string): Error {
  const code = errorCode(error);
  if (code === undefined) {
    if (error instanceof ProtocolError) return error;
    process.stderr.write(
      `loci mcp: ${safeText(error instanceof Error ? (error.stack ?? "") : String(error))}\n`,
    );
    return new ProtocolError(internalError, "This is a bug in Loci; please report it.");
  }
  // It has a code, so it is ours, perhaps from another copy of the package.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { message, next } = error as LociError;
  const sentence = safeText(`${message} ${remedyOf(next) ?? ""}`)
    .trim()
    .slice(0, 2_000);
  if (code === "not-found" && uri !== undefined) return new ResourceNotFoundError(uri, sentence);
  return new ProtocolError(
    code === "invalid" || code === "not-found" ? invalidParams : internalError,
    sentence,
  );
}
