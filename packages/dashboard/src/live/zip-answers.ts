import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { MiddlewareHandler } from "hono";
import { onceForAll } from "./shared.ts";

/** Shorter answers are sent as they are, characters. */
const SHORTEST = 2_048;
/** Of 1 to 9: lists shrink to a tenth at any, and this one takes a third of the time. */
const LEVEL = 3;
const zip = promisify(gzip);

/** Compresses answers in JSON, a shared one once for all who get it: lists of a thousand pools shrink to a tenth. */
export function zipAnswers(): MiddlewareHandler {
  return async (context, next) => {
    await next();
    if (!/\bgzip\b/.test(context.req.header("accept-encoding") ?? "") || context.req.method === "HEAD") return;
    const { res } = context;
    if (!/^application\/json/.test(res.headers.get("content-type") ?? "")) return;
    const text = await res.text();
    const { status, headers } = res;
    if (text.length < SHORTEST) {
      context.res = new Response(text, { status, headers });
      return;
    }
    const zipped = await onceForAll(context, "gzip", () => zip(text, { level: LEVEL }));
    context.res = new Response(zipped, { status, headers });
    context.res.headers.set("Content-Encoding", "gzip");
    context.res.headers.set("Vary", "Accept-Encoding");
    context.res.headers.delete("Content-Length");
  };
}
