import { currentContext, type Event, task } from "@manyhands/core";

/** Sets the event and closes the context of the worker, as it would one of its own; in the process whose id it says. */
export const setAndClose = task("context.setAndClose", async (event: Event, name: string) => {
  await event.set();
  await using mp = currentContext();
  await mp.event(name).set();
  return process.pid;
});
