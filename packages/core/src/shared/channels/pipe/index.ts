export { Connection, type ConnectionSettings } from "./connection.ts";
export { createPipe, type PipeOptions } from "./pipe.ts";
export { PIPE_KIND } from "./pipe-scripts.ts";
export { type PipeEndState, type PipeState, readPipe } from "./read-pipe.ts";
