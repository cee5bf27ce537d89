import type { MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { refusal } from "./refusal.ts";

/** Refuses a larger request body with 413: by its announced length, else as soon as more than that has arrived. */
export function limitBody(maxSize: number): MiddlewareHandler {
  return bodyLimit({
    maxSize,
    onError: (context) => {
      // The rest is not read: the connection ends with the answer.
      context.header("Connection", "close");
      return refusal(context, 413, `The request is too large: at most ${maxSize} bytes are accepted.`);
    },
  });
}
