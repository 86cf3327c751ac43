/** The receiver of telemetry, for the server: no operation of a person's. */
export {
  createTelemetryReceiver,
  failure,
  type SignalKind,
  type TelemetryReceiver,
  type TelemetryRequest,
  type TelemetryTally,
} from "../record/telemetry.ts";
