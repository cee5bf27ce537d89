export { Consumer } from "./consumer.ts";
export { Producer } from "./producer.ts";
export {
  createJoinableQueue,
  createQueue,
  createSimpleQueue,
  JoinableQueue,
  Queue,
  type QueueOptions,
  type QueueState,
  readQueue,
  SimpleQueue,
} from "./queue.ts";
export { QueuePlace } from "./queue-place.ts";
export { COUNTS, QUEUE_KEYS, QUEUE_KINDS } from "./queue-scripts.ts";
