export { openChannel } from "./open-channel.ts";
export {
  createJoinableQueue,
  createQueue,
  createSimpleQueue,
  type JoinableQueue,
  QUEUE_KINDS,
  type Queue,
  type QueueOptions,
  type QueueState,
  readQueue,
  type SimpleQueue,
} from "./queue/index.ts";
