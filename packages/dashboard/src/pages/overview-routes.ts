import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import type { View } from "../snapshot/snapshot.ts";
import type { SnapshotSource } from "../snapshot/snapshot-source.ts";
import { overview } from "./overview-page.ts";
import { pageFrame } from "./page-frame.ts";

export interface OverviewOptions {
  namespace: string;
  source: SnapshotSource;
  /** Ends every open stream. */
  stopping: AbortSignal;
}

/** `/`: the overview; `/events`: the same, pushed whenever there is something newer. */
export function overviewRoutes({ namespace, source, stopping }: OverviewOptions): Hono {
  const app = new Hono();
  app.get("/", async (context) => {
    context.header("Cache-Control", "no-store");
    const content = overview(await source.view(1_000));
    return context.html(pageFrame(content, { title: `manyhands: ${namespace}`, namespace, live: true }));
  });
  app.get("/events", (context) => {
    // Proxies must pass each event on at once.
    context.header("X-Accel-Buffering", "no");
    return streamSSE(context, async (stream) => {
      const ended = Promise.withResolvers<void>();
      const send = async (view: View) => {
        await stream.writeSSE({ event: "overview", data: oneLine(String(await overview(view))) });
      };
      const leave = source.watch((view) => void send(view).catch(() => ended.resolve()));
      const end = () => ended.resolve();
      stream.onAbort(end);
      stopping.addEventListener("abort", end);
      try {
        await send(await source.view(1_000));
        await ended.promise;
      } finally {
        leave();
        stopping.removeEventListener("abort", end);
      }
    });
  });
  return app;
}

/** Line breaks cost an event's framing and mean nothing in this page. */
function oneLine(markup: string): string {
  return markup.replace(/\s*\n\s*/g, " ");
}
