import { resolve } from "node:path";
import { createBullBoard } from "@bull-board/api";
import { HonoAdapter } from "@bull-board/hono";
import { serveStatic } from "@hono/node-server/serve-static";
import { type Context, Hono, type Next } from "hono";
import { HTTPException } from "hono/http-exception";
import { timeout } from "hono/timeout";
import { MARK_PATH } from "../pages/assets.ts";
import type { PoolQueues } from "./pool-queues.ts";

export const BULL_BOARD_PATH = "/bull-board";
const SLOWEST_ANSWER = 10_000;

/**
 * What Bull Board offers but would break here, and what to do instead: the size of a pool lives in the registry, and
 * the data that it shows is decoded, so that saving it would not restore the stored form.
 */
const REFUSED: Record<string, string> = {
  "/api/queues/:queueName/concurrency": "The size of a pool is kept by manyhands: use `manyhands pool resize`.",
  "/api/queues/:queueName/obliterate":
    "A pool is more than its queue: remove a named one with `manyhands pool rm`, or empty it with `clean`; an unnamed one ends with its program.",
  "/api/queues/:queueName/:jobId/update-data": "Arguments of a submitted task cannot be edited: submit it again.",
};

/**
 * Bull Board over the pools of a namespace, to be mounted at {@link BULL_BOARD_PATH}.
 * @param place.home - Where the dashboard is mounted, with a slash at the end.
 */
export function bullBoard(queues: PoolQueues, { title, home }: { title: string; home: string }): Hono {
  const under = (path: string): string => home + path.slice(1);
  const adapter = new HonoAdapter(((options: Parameters<typeof serveStatic>[0]) =>
    serveStatic({
      ...options,
      // Independent of the directory in which the program happens to be when a file is asked for.
      root: resolve(options?.root ?? "."),
      // It takes its own base, which our paths do not have any more, from the front.
      rewriteRequestPath: (path, context) => options?.rewriteRequestPath?.(under(path), context) ?? path,
    })) as typeof serveStatic);
  adapter.setBasePath(under(BULL_BOARD_PATH));
  const board = createBullBoard({
    queues: [],
    serverAdapter: adapter,
    options: {
      uiConfig: {
        boardTitle: title,
        boardLogo: { path: under(MARK_PATH), width: 24, height: 24 },
        favIcon: { default: under(MARK_PATH), alternative: under(MARK_PATH) },
        hideDocsLink: true,
        sortQueues: true,
        // Workers are seen on the overview by their heartbeat; Bull Board would run CLIENT LIST per pool and poll.
        showWorkers: false,
        miscLinks: [{ text: "Overview", url: home }],
      },
      handlerHooks: {
        before: ({ route }) => {
          const message = REFUSED[route];
          return message === undefined ? { allow: true } : { allow: false, status: 403, message };
        },
      },
    },
  });

  const app = new Hono();
  app.use(
    "/api/*",
    timeout(SLOWEST_ANSWER, () => new HTTPException(503, { message: "Redis does not answer" })),
  );
  app.use("/api/*", async (context, next) => {
    context.header("Cache-Control", "no-store");
    try {
      await queues.follow();
    } catch (error) {
      return context.json({ error: { key: "ERRORS.INTERNAL_SERVER_ERROR" }, message: (error as Error).message }, 503);
    }
    board.replaceQueues(queues.adapters);
    return next();
  });
  app.use(withoutForeignFonts);
  app.route("/", adapter.registerPlugin());
  return app;
}

/** Bull Board's page asks a font service for its font, which tells that service who looks, and when. */
async function withoutForeignFonts(context: Context, next: Next): Promise<void> {
  await next();
  if (!context.res.headers.get("content-type")?.startsWith("text/html")) return;
  const page = await context.res.text();
  const own = page.replace(/<link[^>]*href="https?:[^>]*>/g, "");
  context.res = new Response(own, {
    status: context.res.status,
    headers: { "content-type": "text/html; charset=UTF-8" },
  });
}
