import type { Context } from "hono";
import type { Session, Sessions } from "./sessions.ts";

/** Longest time of a timer, ms. */
const LONGEST_TIMER = 2_147_483_647;
/** How often the application is asked whether it still knows a visitor, ms. */
const ASK_AGAIN = 60_000;

/** Calls when a visitor may not look any more. @returns stops that */
type Watch = (end: () => void) => () => void;

/** The session ends, by its time or by hand. */
export function sessionEnds(session: Session, sessions: Sessions): Watch {
  return (end) => {
    const timer = setTimeout(end, Math.min(LONGEST_TIMER, session.expiresAt - Date.now()));
    timer.unref();
    const forget = sessions.onEnd(session.id, end);
    return () => {
      clearTimeout(timer);
      forget();
    };
  };
}

/** The application around the dashboard does not know the visitor any more, or gives them another role. */
export function admissionEnds(isAdmitted: () => Promise<boolean>): Watch {
  return (end) => {
    const look = (): void => void isAdmitted().then((isSo) => isSo || end(), end);
    const timer = setInterval(look, ASK_AGAIN);
    timer.unref();
    return () => clearInterval(timer);
  };
}

/** A stream of events ends with what let its visitor in: it would otherwise go on telling after the sign-out. */
export function endStream(context: Context, watch: Watch): void {
  const { body, headers, status } = context.res;
  if (body === null || !headers.get("content-type")?.startsWith("text/event-stream")) return;
  const reader = body.getReader();
  const over = new AbortController();
  const done = watch(() => over.abort());
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      over.signal.addEventListener("abort", () => {
        done();
        controller.close();
        void reader.cancel().catch(() => {});
      });
    },
    async pull(controller) {
      const part = await reader.read();
      if (over.signal.aborted) return;
      if (!part.done) return controller.enqueue(part.value);
      done();
      controller.close();
    },
    async cancel(reason) {
      done();
      await reader.cancel(reason);
    },
  });
  context.res = new Response(stream, { status, headers });
}
