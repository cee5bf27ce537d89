import { decode } from "../../wire/codec/index.ts";

/** Pieces of text on their way from a process to the program that started it. */
export type OutputPiece = [stream: "stdout" | "stderr", text: string];

/** Name under which the output of a process arrives in the reply stream. */
export function outputName(processId: string): string {
  return `output:${processId}`;
}

/** Prints what a process wrote where this program prints. A stream that is broken or closed is no error (P9). */
export function printOutput(bytes: Uint8Array): void {
  for (const [stream, text] of decode(bytes) as OutputPiece[]) print(process[stream], text);
}

/** Writes under way on each stream. */
const writing = new WeakMap<NodeJS.WriteStream, number>();

function print(stream: NodeJS.WriteStream, text: string): void {
  const before = writing.get(stream) ?? 0;
  if (before === 0) stream.on("error", ignore);
  writing.set(stream, before + 1);
  const end = (): void => {
    const left = (writing.get(stream) ?? 0) - 1;
    writing.set(stream, left);
    if (left === 0) stream.removeListener("error", ignore);
  };
  try {
    // A stream tells an error to the callback first, and to its listeners a moment later.
    stream.write(text, (error) => void (error ? setImmediate(end) : end()));
  } catch {
    end();
  }
}

function ignore(): void {}
