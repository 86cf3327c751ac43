import { createRedactor } from "../record/redact.ts";

/** The same values with known shapes of secrets replaced, as in recordings: docs/redaction.md. */
export function withoutSecrets<Values extends Readonly<Record<string, unknown>>>(values: Values): Values {
  const redactor = createRedactor();
  // One by one: an argument that is called `key` is a name here, whatever a field of that name is elsewhere.
  const kept = Object.entries(values).map(([name, value]) => [name, redactor.value(value)]);
  // The same names with values of the same types.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.fromEntries(kept) as Values;
}
