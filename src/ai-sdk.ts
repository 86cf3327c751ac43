/** Recording for the AI SDK: docs/ai-sdk.md. */
export {
  type AiSdkMiddleware,
  aiSdkMiddleware,
  type AiSdkMiddlewareOptions,
} from "./attach/ai-sdk/middleware.ts";
export { type AiSdkOptions, type AiSdkTelemetry, aiSdkTelemetry } from "./attach/ai-sdk/telemetry.ts";
