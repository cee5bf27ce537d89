export { endProcess } from "./end-process.ts";
export { exitCodeOfEnding, SIGNALS } from "./exit-codes.ts";
export { type OutputPiece, outputName } from "./output-relay.ts";
export type { ParentProcess } from "./parent-process.ts";
export { Process, type ProcessOptions } from "./process.ts";
export { endedAnswer, startedAnswer } from "./process-answers.ts";
export { ProcessLauncher } from "./process-launcher.ts";
export { type EndingOutcome, type ProcessGlance, ProcessRegistry } from "./process-registry.ts";
export { appendOutput } from "./process-scripts.ts";
