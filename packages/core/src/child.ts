/**
 * What a child of a worker host needs: codec, errors, protocol and tasks. Loads neither BullMQ nor ioredis, which
 * would make every child start four times slower. Not part of the public API.
 */
export * from "./codec/index.ts";
export { closeWorkerContext, provideWorkerContext } from "./context/current-context.ts";
export { watchContexts } from "./context/open-contexts.ts";
export * from "./errors/index.ts";
export { currentOrder, enterProcess } from "./process/order.ts";
export * from "./protocol/index.ts";
export * from "./tasks/index.ts";
