export { Connection } from "./connection.ts";
export { messageToValue } from "./message.ts";
export { createPipe, type PipeOptions } from "./pipe.ts";
export { PIPE_KIND } from "./pipe-kind.ts";
export type { PipeEndState, PipeState } from "./read-pipe.ts";
