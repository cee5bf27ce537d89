import { BASE } from "../base.ts";

/** One event of the server's stream, or what became of the stream. */
export interface StreamMessage {
  event: "hello" | "change" | "pulse" | "interrupted" | "refused";
  /** JSON; empty where there is none. */
  data: string;
  /** Of a `change`. */
  id: string;
}

/** What tabs say to one another. */
type TabMessage = StreamMessage | { event: "ask" };

const NAME = `manyhands-events ${BASE}`;
const EVENTS = ["hello", "change", "pulse"] as const;
/** Pause before a stream that was refused is asked for again, ms. */
const REFUSED_PAUSE = 5_000;
/** Without a word for this long a stream, or the tab that holds it, is given up, ms. The server speaks every 1.5 s. */
const SILENCE = 12_000;
/** A tab without others closes its stream when it has been hidden for so long, ms. */
const HIDDEN = 60_000;

let told = "";

/** Id of the last change that this tab was told; empty = none yet. */
export function toldId(): string {
  return told;
}

/**
 * Hears the stream of events. A browser opens six connections to a server, over all of its tabs, and each stream would keep
 * one of them: so one tab holds the stream and passes it on to the others. Where tabs cannot agree on one (not on https or
 * this machine), each has its own while it can be seen.
 *
 * @returns ends that
 */
export function hearStream(hear: (message: StreamMessage) => void): () => void {
  const channel = new BroadcastChannel(NAME);
  const ended = new AbortController();
  const latest = new Map<string, StreamMessage>();
  let source: EventSource | null = null;
  let heardAt = Date.now();
  let hiddenAt: number | null = null;
  let letGo: () => void = () => {};

  const take = (message: StreamMessage): void => {
    heardAt = Date.now();
    if (message.event === "change" && message.id !== "") told = message.id;
    hear(message);
  };
  const tell = (message: StreamMessage): void => {
    latest.set(message.event, message);
    channel.postMessage(message);
    take(message);
  };
  const close = (): void => {
    source?.close();
    source = null;
  };
  const open = (): void => {
    close();
    heardAt = Date.now();
    const after = told === "" ? "" : `?after=${encodeURIComponent(told)}`;
    const opened = new EventSource(`${BASE}api/v1/events${after}`);
    source = opened;
    for (const event of EVENTS) {
      opened.addEventListener(event, ({ data, lastEventId }) => {
        tell({ event, data: String(data), id: event === "change" ? lastEventId : "" });
      });
    }
    opened.addEventListener("error", () => {
      if (opened !== source) return;
      const isRefused = opened.readyState === EventSource.CLOSED;
      tell({ event: isRefused ? "refused" : "interrupted", data: "", id: "" });
      if (isRefused) setTimeout(() => opened === source && open(), REFUSED_PAUSE);
    });
  };

  /** Holds the stream until another tab takes it over, or this one ends. */
  const hold = (steal: boolean): void => {
    const holding = (): Promise<void> =>
      new Promise((resolve) => {
        letGo = resolve;
        open();
      });
    const options = steal ? { steal } : { signal: ended.signal };
    navigator.locks.request(NAME, options, holding).catch(() => {
      // Another tab has found this one silent, or this one has ended.
      close();
      if (!ended.signal.aborted) hold(false);
    });
  };

  channel.addEventListener("message", ({ data }: MessageEvent<TabMessage>) => {
    if (data.event !== "ask") take(data);
    else if (source) for (const message of latest.values()) channel.postMessage(message);
  });
  const canShare = navigator.locks !== undefined;
  if (canShare) {
    hold(false);
    channel.postMessage({ event: "ask" } satisfies TabMessage);
  } else {
    open();
  }
  const watch = setInterval(() => {
    if (!canShare) {
      hiddenAt = document.hidden ? (hiddenAt ?? Date.now()) : null;
      if (hiddenAt !== null && Date.now() - hiddenAt > HIDDEN) return close();
      if (!source) return open();
    }
    if (Date.now() - heardAt < SILENCE) return;
    heardAt = Date.now();
    if (source) open();
    else hold(true);
  }, 1_000);

  return () => {
    clearInterval(watch);
    ended.abort();
    letGo();
    close();
    channel.close();
  };
}
