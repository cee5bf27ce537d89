import { StringDecoder } from "node:string_decoder";
import { isPlainJson, ValueError } from "@manyhands/core/child";
import type { FromChild, OutputStream } from "./messages.ts";
import type { RunningUnit } from "./running-unit.ts";

/** Largest captured text of one unit and stream, bytes; what follows is dropped, and one line says so. */
export const MAX_CAPTURED_OUTPUT: number = 64 * 1024;
/** Largest sum of the log lines of one unit, bytes. */
const MAX_LOGGED: number = 1024 * 1024;
/** Text that may wait for the end of the tick, characters. */
const MAX_GATHERED = 16 * 1024;
/** Longest time that text waits while a task keeps the loop busy, ms. */
const MAX_DELAY = 50;

/**
 * Gathers what tasks print, log and report within one tick of the event loop and sends it in the order it came.
 * - text is bounded per unit, see MAX_CAPTURED_OUTPUT;
 * - of several progress values of a unit in one tick only the last is sent;
 * - `flush` is called before the unit's answer, so an answered unit has no output left to come.
 */
export class TaskOutput {
  readonly #send: (message: FromChild) => void;
  readonly #written = new WeakMap<RunningUnit, Written>();
  readonly #strayDecoders: Decoders = {};
  #gathered: FromChild[] = [];
  #gatheredSize = 0;
  #gatheredSince = 0;
  #scheduled = false;

  constructor(send: (message: FromChild) => void) {
    this.#send = send;
  }

  /** Takes what was written to a standard stream: by a task, or (unit undefined) outside any. */
  write(unit: RunningUnit | undefined, stream: OutputStream, chunk: string | Uint8Array): void {
    if (!unit) {
      this.#addText({ jobId: null, unit: -1 }, stream, decode(this.#strayDecoders, stream, chunk));
      return;
    }
    const written = this.#writtenBy(unit);
    if (written[stream] >= MAX_CAPTURED_OUTPUT) return;
    let text = decode(written.decoders, stream, chunk);
    const size = Buffer.byteLength(text);
    if (written[stream] + size > MAX_CAPTURED_OUTPUT) {
      text = cut(text, MAX_CAPTURED_OUTPUT - written[stream]);
      text += `\n[${stream} of this task was cut after ${MAX_CAPTURED_OUTPUT} bytes]\n`;
      written[stream] = MAX_CAPTURED_OUTPUT;
    } else {
      written[stream] += size;
    }
    this.#addText(unit, stream, text);
  }

  log(unit: RunningUnit, line: string): void {
    const written = this.#writtenBy(unit);
    if (written.log >= MAX_LOGGED) return;
    let text = String(line);
    written.log += Buffer.byteLength(text);
    if (written.log >= MAX_LOGGED) text = `[the log of this task was cut after ${MAX_LOGGED} bytes]`;
    this.#gathered.push({ type: "log", jobId: unit.jobId, unit: unit.unit, line: text });
    this.#flushInTime(text.length);
  }

  /** @throws ValueError when the value is not plain JSON, which is how progress is stored */
  progress(unit: RunningUnit, value: unknown): void {
    if (!isPlainJson(value)) {
      throw new ValueError(`progress takes a number from 0 to 100 or a value that is plain JSON; got ${typeof value}`);
    }
    const known = this.#gathered.find(
      (message) => message.type === "progress" && message.jobId === unit.jobId && message.unit === unit.unit,
    );
    if (known?.type === "progress") known.value = value;
    else this.#gathered.push({ type: "progress", jobId: unit.jobId, unit: unit.unit, value });
    this.#flushInTime(0);
  }

  flush(): void {
    if (this.#gathered.length === 0) return;
    const messages = this.#gathered;
    this.#gathered = [];
    this.#gatheredSize = 0;
    for (const message of messages) this.#send(message);
  }

  #addText({ jobId, unit }: { jobId: string | null; unit: number }, stream: OutputStream, text: string): void {
    if (text === "") return;
    const last = this.#gathered.at(-1);
    if (last?.type === "output" && last.jobId === jobId && last.unit === unit && last.stream === stream)
      last.text += text;
    else this.#gathered.push({ type: "output", jobId, unit, stream, text });
    this.#flushInTime(text.length);
  }

  #flushInTime(size: number): void {
    const now = performance.now();
    if (this.#gatheredSize === 0) this.#gatheredSince = now;
    this.#gatheredSize += size + 1;
    if (this.#gatheredSize >= MAX_GATHERED || now - this.#gatheredSince >= MAX_DELAY) {
      this.flush();
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.flush();
      });
    }
  }

  #writtenBy(unit: RunningUnit): Written {
    let written = this.#written.get(unit);
    if (!written) {
      written = { stdout: 0, stderr: 0, log: 0, decoders: {} };
      this.#written.set(unit, written);
    }
    return written;
  }
}

type Decoders = { [stream in OutputStream]?: StringDecoder };
type Written = { stdout: number; stderr: number; log: number; decoders: Decoders };

/** Bytes may end within a character: the rest is kept for the next write to the same stream. */
function decode(decoders: Decoders, stream: OutputStream, chunk: string | Uint8Array): string {
  if (typeof chunk === "string") return chunk;
  decoders[stream] ??= new StringDecoder("utf8");
  return decoders[stream].write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
}

function cut(text: string, bytes: number): string {
  return new StringDecoder("utf8").write(Buffer.from(text).subarray(0, bytes));
}
