import type { Context } from "hono";
import type { Session, Sessions } from "./sessions.ts";

/** Longest time of a timer, ms. */
const LONGEST_TIMER = 2_147_483_647;

/** A stream of events ends with the session that asked for it: it would otherwise go on telling after the sign-out. */
export function endStream(context: Context, session: Session, sessions: Sessions): void {
  const { body, headers, status } = context.res;
  if (body === null || !headers.get("content-type")?.startsWith("text/event-stream")) return;
  const reader = body.getReader();
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), Math.min(LONGEST_TIMER, session.expiresAt - Date.now()));
  timer.unref();
  const forget = sessions.onEnd(session.id, () => over.abort());
  const done = (): void => {
    clearTimeout(timer);
    forget();
  };
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
