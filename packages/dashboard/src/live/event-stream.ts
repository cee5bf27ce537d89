import type { Milliseconds } from "@manyhands/core/internal";
import type { LiveFeed } from "./live-feed.ts";

export interface EventStreamOptions {
  feed: LiveFeed;
  /** Data of the first event. */
  hello: object;
  /** Id of the last event that the visitor was told; undefined = none, so that everything may be old. */
  lastId: string | undefined;
  /** Ends the stream. */
  stopping: AbortSignal;
  /** Called once, when the stream has ended. */
  onEnd: () => void;
}

/** A stream ends after so long, ms; browsers open another one, which asks again who they are. */
const LONGEST: Milliseconds = 3_600_000;
/** A browser waits so long before it opens another one, ms. */
const RETRY: Milliseconds = 2_000;

/**
 * Server-sent events of one visitor: `hello`, then `change` and `pulse`. It makes one event when the last one has left, of all
 * that happened meanwhile: a visitor who reads slowly holds no more memory than others.
 */
export function eventStream({ feed, hello, lastId, stopping, onEnd }: EventStreamOptions): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const opened = performance.now();
  let told = lastId ?? "";
  let beat = 0;
  let isGreeted = false;
  let isEnded = false;
  let wake: () => void = () => {};
  const rouse = (): void => wake();
  const leave = feed.listen(rouse);
  const end = (): void => {
    if (isEnded) return;
    isEnded = true;
    stopping.removeEventListener("abort", end);
    leave();
    wake();
    onEnd();
  };
  stopping.addEventListener("abort", end);
  if (stopping.aborted) end();

  const next = (): string | null => {
    if (!isGreeted) {
      isGreeted = true;
      return `retry: ${RETRY}\n${message("hello", { ...hello, at: feed.pulse?.at ?? Date.now() })}`;
    }
    const { pulse } = feed;
    // Changes count from the first look on: what a page has read before may be older.
    const change = pulse && feed.after(told);
    if (change) {
      told = change.id;
      return message("change", { topics: change.topics }, change.id);
    }
    if (!pulse || pulse.at === beat) return null;
    beat = pulse.at;
    return message("pulse", pulse);
  };

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      while (!isEnded) {
        if (performance.now() - opened > LONGEST) end();
        const text = isEnded ? null : next();
        if (text !== null) return controller.enqueue(encoder.encode(text));
        if (!isEnded) await new Promise<void>((resolve) => (wake = resolve));
      }
      controller.close();
    },
    cancel: end,
  });
}

function message(event: string, data: object, id?: string): string {
  return `event: ${event}\n${id === undefined ? "" : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}
