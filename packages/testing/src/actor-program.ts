import * as core from "@manyhands/core";
import { type ConnectOptions, connect } from "@manyhands/core";
import { decode, encode, encodeError } from "@manyhands/core/internal";
import type { ActorScope } from "./actor.ts";

/** The process of an actor: connects, and runs what it is told. */
const mp = await connect(JSON.parse(process.argv[2] ?? "{}") as ConnectOptions);
const kept = new Map<string, unknown>();
process.on("disconnect", () => process.exit(0));
process.on("message", ({ id, source, args }: { id: number; source: string; args: Uint8Array }) => {
  const scope: ActorScope = { mp, kept, core };
  const body = new Function(`return (${source})`)() as (scope: ActorScope, ...args: unknown[]) => unknown;
  Promise.resolve()
    .then(() => body(scope, ...(decode(args) as unknown[])))
    .then(
      (value) => process.send?.({ id, value: encode(value) }),
      (error: unknown) => process.send?.({ id, error: encodeError(error) }),
    );
});
process.send?.({ ready: true });
