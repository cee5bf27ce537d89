import { currentContext, type RLock, task } from "@manyhands/core";

/** Holds the rlock twice, says so, and waits until the event is set. */
export const holdTwice = task("rlock.holdTwice", async (rlock: RLock, said: string) =>
  rlock.run(() =>
    rlock.run(async () => {
      const mp = currentContext();
      await mp.event(`${said} holds`).set();
      await mp.event(`${said} may go`).wait();
      return (await rlock.inspect()).count;
    }),
  ),
);

export const tryToAcquire = task("rlock.tryToAcquire", async (rlock: RLock) => {
  const got = await rlock.acquire(false);
  const error = await rlock.release().then(
    () => null,
    (thrown: Error) => thrown.name,
  );
  return { got, error };
});

export const forget = task("rlock.forget", async (rlock: RLock) => {
  await rlock.acquire();
  await rlock.acquire();
});
