/** `loci/opencode`: what a server of OpenCode does, recorded as it does it. */
export type { OpencodeServerAt } from "./attach/opencode/api.ts";
export type { OpencodeFilter } from "./attach/opencode/intake.ts";
export {
  type OpencodeRecording,
  recordOpencode,
  type RecordOpencodeOptions,
} from "./attach/opencode/record.ts";
