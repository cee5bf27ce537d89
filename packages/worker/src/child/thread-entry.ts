/** First file of a child that is a worker thread. */
import { parentPort } from "node:worker_threads";
import { captureStreams } from "./captured-streams.ts";
import type { FromChild, ToChild } from "./messages.ts";
import { ChildRuntime } from "./runtime.ts";

const port = parentPort;
if (!port) throw new Error("thread-entry is started by ThreadExecutor, in a worker thread");

const runtime = new ChildRuntime(
  {
    send: (message: FromChild) => {
      if (message.type !== "answers") return port.postMessage(message);
      // A view of a pooled buffer would take the whole pool along; an exact copy can be moved instead of copied again.
      const answers = Uint8Array.from(message.answers);
      port.postMessage({ ...message, answers }, [answers.buffer]);
    },
    onMessage: (listener) => port.on("message", (message: ToChild) => listener(message)),
  },
  (failed) => process.exit(failed ? 1 : 0),
);
captureStreams(runtime.output);
runtime.guardAgainstCrashes((code) => process.exit(code));
