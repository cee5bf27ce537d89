export { openChannel } from "./open-channel.ts";
export {
  Connection,
  createPipe,
  PIPE_KIND,
  type PipeEndState,
  type PipeOptions,
  type PipeState,
  readPipe,
} from "./pipe/index.ts";
export {
  createJoinableQueue,
  createQueue,
  createSimpleQueue,
  JoinableQueue,
  QUEUE_KINDS,
  Queue,
  type QueueOptions,
  type QueueState,
  readQueue,
  SimpleQueue,
} from "./queue/index.ts";
export { type Waitable, waitForAny } from "./wait/index.ts";
