export { Consumer } from "./consumer.ts";
export type { PutOptions, PutPatience } from "./item-options.ts";
export { Producer } from "./producer.ts";
export {
  createJoinableQueue,
  createQueue,
  createSimpleQueue,
  JoinableQueue,
  Queue,
  type QueueOptions,
  type QueueState,
  SimpleQueue,
} from "./queue.ts";
export { JOINABLE_QUEUE_KIND, PIPE_STREAM_KIND, QUEUE_KIND, SIMPLE_QUEUE_KIND } from "./queue-kinds.ts";
export { QueuePlace } from "./queue-place.ts";
export { COUNTS, QUEUE_KEYS, SEPARATOR } from "./queue-scripts.ts";
