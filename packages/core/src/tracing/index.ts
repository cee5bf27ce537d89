export {
  callersContext,
  type OpenSpan,
  startConsumerSpan,
  startProducerSpan,
  TRACE_MODES,
  type TraceMode,
  traceCall,
} from "./job-spans.ts";
export { readCarrier, type TraceCarrier } from "./trace-carrier.ts";
