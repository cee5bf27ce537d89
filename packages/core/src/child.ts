/**
 * What a child of a worker host needs: codec, errors, protocol and tasks. Loads neither BullMQ nor ioredis, which
 * would make every child start four times slower. Not part of the public API.
 */

export { closeWorkerContext, provideWorkerContext } from "./context/current-context.ts";
export { watchContexts } from "./context/open-contexts.ts";
export * from "./errors/index.ts";
export * from "./tasks/index.ts";
export {
  type BinsMessage,
  LARGEST_BIN,
  LEAST_BIN,
  MEASURES,
  type Measure,
  onMeasured,
  settledWithin,
  takeMeasured,
  toBinsMessage,
} from "./time/index.ts";
export { type TraceCarrier, traceCall } from "./tracing/index.ts";
export * from "./wire/codec/index.ts";
export * from "./wire/records/index.ts";
export { currentOrder, enterProcess } from "./work/process/order.ts";
