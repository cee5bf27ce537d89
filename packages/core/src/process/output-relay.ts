import { decode } from "../codec/index.ts";

/** Pieces of text on their way from a process to whoever started it. */
export type OutputPiece = [stream: "stdout" | "stderr", text: string];

/** Name under which the output of a process arrives in the reply stream. */
export function outputName(processId: string): string {
  return `output:${processId}`;
}

/** Prints what a process wrote where this program prints. A stream that is broken or closed is nobody's fault (P9). */
export function printOutput(bytes: Uint8Array): void {
  for (const [stream, text] of decode(bytes) as OutputPiece[]) print(process[stream], text);
}

function print(stream: NodeJS.WriteStream, text: string): void {
  const ignore = (): void => {};
  try {
    stream.once("error", ignore);
    stream.write(text, () => stream.removeListener("error", ignore));
  } catch {
    stream.removeListener("error", ignore);
  }
}
