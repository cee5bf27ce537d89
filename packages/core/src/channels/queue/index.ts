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
export { QUEUE_KINDS } from "./queue-scripts.ts";
