export {
  Connection,
  createPipe,
  messageToValue,
  PIPE_KIND,
  type PipeEndState,
  type PipeOptions,
  type PipeState,
} from "./pipe/index.ts";
export {
  createJoinableQueue,
  createQueue,
  createSimpleQueue,
  JOINABLE_QUEUE_KIND,
  JoinableQueue,
  PIPE_STREAM_KIND,
  type PutOptions,
  type PutPatience,
  QUEUE_KIND,
  Queue,
  type QueueOptions,
  type QueueState,
  SEPARATOR,
  SIMPLE_QUEUE_KIND,
  SimpleQueue,
} from "./queue/index.ts";
export { type Waitable, waitForAny } from "./wait/index.ts";
