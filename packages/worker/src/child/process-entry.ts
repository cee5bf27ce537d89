/**
 * First file of a child process. Every child pays for what is imported here, so nothing heavy is.
 * Argument 1: pid of the host. Argument 2: "watch" when the child itself has to notice the host's death.
 */
import { captureStreams } from "./captured-streams.ts";
import type { FromChild, ToChild } from "./messages.ts";
import { watchParent } from "./parent-watch.ts";
import { ChildRuntime } from "./runtime.ts";
import { SignalGuard } from "./signal-guard.ts";

const hostPid = Number(process.argv[2]);
if (process.argv[3] === "watch") watchParent(hostPid);
// The host may have died before the kernel, or the watch, was told to look.
if (process.ppid !== hostPid) endNow();
process.on("disconnect", endNow);

const guard = new SignalGuard((signals) => send({ type: "listens", signals }));
process.on("message", (message: ToChild) => {
  if (message.type === "signal") guard.deliver(message.signal);
});
const runtime = new ChildRuntime(
  { send, onMessage: (listener) => process.on("message", (message) => listener(message as ToChild)) },
  (failed) => end(failed ? 1 : 0),
);
captureStreams(runtime.output);
runtime.guardAgainstCrashes(end);

function send(message: FromChild): void {
  // With a callback a broken channel is told to the callback, not thrown; `disconnect` then ends the child.
  if (process.connected) process.send?.(message, undefined, undefined, ignore);
}

/** Ends once what was sent has left; a channel that does not drain does not delay it. */
function end(code: number): void {
  setTimeout(() => process.exit(code), 1000);
  if (!process.connected) endNow();
  process.send?.({ type: "farewell" }, undefined, undefined, () => process.exit(code));
}

/** Without a host nothing that runs here has a meaning, and no exit handler may delay the end. */
function endNow(): void {
  process.kill(process.pid, "SIGKILL");
}

function ignore(): void {}
