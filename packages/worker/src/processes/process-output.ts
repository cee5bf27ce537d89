import {
  appendOutput,
  encode,
  type Keys,
  type Milliseconds,
  type OutputPiece,
  outputName,
  pause,
  type RedisClient,
  type ReplyItem,
} from "@manyhands/core/internal";

/** Part of each stream that is kept in the record of the process, characters. */
const KEPT_TAIL = 4_096;
/** Least time between two messages, ms. */
const INTERVAL: Milliseconds = 50;
/** Text that may wait while Redis is slow or away, characters; what comes then is dropped with a notice. */
const MOST_WAITING = 4 * 1024 * 1024;
/** Most of one message, characters. */
const LARGEST_MESSAGE = 256 * 1024;
/** How long output waits for a client that does not read it, ms. */
const KEPT: Milliseconds = 3_600_000;

export interface ProcessOutputOptions {
  client: RedisClient;
  keys: Keys;
  processId: string;
  /** Client that started the process and prints what it writes. */
  reader: string;
  hostName: string;
  pid: number;
  onError: (error: Error) => void;
}

/** Sends what a process writes to the client that started it, in order and in batches, and keeps the end of it on record. */
export class ProcessOutput {
  readonly #options: ProcessOutputOptions;
  readonly #tails = { stdout: "", stderr: "" };
  #pieces: OutputPiece[] = [];
  #waiting = 0;
  #isCut = false;
  #sending: Promise<void> | undefined;
  readonly #finishing = new AbortController();

  constructor(options: ProcessOutputOptions) {
    this.#options = options;
  }

  add(stream: "stdout" | "stderr", text: string): void {
    this.#tails[stream] = (this.#tails[stream] + text).slice(-KEPT_TAIL);
    if (this.#waiting > MOST_WAITING) {
      if (!this.#isCut) this.#pieces.push(["stderr", "\n[output was dropped: Redis does not take it fast enough]\n"]);
      this.#isCut = true;
    } else {
      this.#isCut = false;
      const last = this.#pieces.at(-1);
      if (last?.[0] === stream && last[1].length < LARGEST_MESSAGE) last[1] += text;
      else this.#pieces.push([stream, text]);
      this.#waiting += text.length;
    }
    this.#sending ??= this.#send();
  }

  /** Resolves when everything is on its way; nothing follows. */
  async finish(): Promise<void> {
    this.#finishing.abort();
    while (this.#sending) await this.#sending;
  }

  async #send(): Promise<void> {
    // What is written in one tick travels together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#pieces.length > 0) {
      const sentAt = performance.now();
      await this.#sendBatch(this.#nextBatch()).catch(this.#options.onError);
      const rest = INTERVAL - (performance.now() - sentAt);
      if (this.#pieces.length > 0 && this.#waiting < LARGEST_MESSAGE && rest > 0) {
        // Ends early when nothing more is to come.
        await pause(rest, { signal: this.#finishing.signal }).catch(() => {});
      }
    }
    this.#sending = undefined;
  }

  #nextBatch(): OutputPiece[] {
    const batch: OutputPiece[] = [];
    for (let size = 0; size < LARGEST_MESSAGE && this.#pieces.length > 0; ) {
      const piece = this.#pieces.shift() as OutputPiece;
      batch.push(piece);
      size += piece[1].length;
    }
    this.#waiting = this.#pieces.reduce((sum, [, text]) => sum + text.length, 0);
    return batch;
  }

  async #sendBatch(batch: OutputPiece[]): Promise<void> {
    const { client, keys, processId, reader, hostName, pid } = this.#options;
    const item: ReplyItem = [outputName(processId), encode(batch), hostName, pid];
    await appendOutput.run(
      client,
      [keys.replies(reader), keys.session(reader), keys.process(processId)],
      [Buffer.from(encode([item])), KEPT, this.#tails.stdout, this.#tails.stderr],
    );
  }
}
