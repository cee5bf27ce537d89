import { flushCompileCache } from "node:module";
import * as core from "@manyhands/core";
import { type Context, connect } from "@manyhands/core";
import { decode, encode, encodeError } from "@manyhands/core/internal";
import type { ActorRequest, ActorScope } from "./actor.ts";

/** The process of an actor: connects, runs what it is told, and leaves. */
const kept = new Map<string, unknown>();
let mp: Context | undefined;
process.on("disconnect", () => process.exit(0));
process.on("message", (request: ActorRequest) => {
  act(request).then(
    (value) => process.send?.({ id: request.id, value: encode(value) }),
    (error: unknown) => process.send?.({ id: request.id, error: encodeError(error) }),
  );
});

async function act(request: ActorRequest): Promise<unknown> {
  if ("enter" in request) {
    mp = await connect(request.enter);
    // Node writes what it compiled at an exit; actors are killed.
    flushCompileCache();
    return undefined;
  }
  if (!mp) throw new Error("an actor was asked for something before it had connected");
  if ("leave" in request) {
    kept.clear();
    return mp.close();
  }
  const scope: ActorScope = { mp, kept, core };
  const body = new Function(`return (${request.source})`)() as (scope: ActorScope, ...args: unknown[]) => unknown;
  return body(scope, ...(decode(request.args) as unknown[]));
}
