import { type Connection, task } from "@manyhands/core";

/** Sends back what comes until the other end is closed. */
export const echo = task("pipe.echo", async (end: Connection) => {
  for await (const message of end) await end.send(message);
});

/** Holds its end without using it, for a time. */
export const holdFor = task("pipe.holdFor", async (_end: Connection, milliseconds: number) => {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
});

export const double = task("pipe.double", async (number: number, milliseconds: number = 0) => {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  return number * 2;
});
