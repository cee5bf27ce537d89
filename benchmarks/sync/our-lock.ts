import { connect, type HeldLock } from "@manyhands/core";
import type { MeasuredLock } from "./locks.ts";

/** Our own lock, as a user has it; one session per call. */
export async function openOurLock(
  url: string,
  name: string,
  { awaitRelease }: { awaitRelease: boolean },
): Promise<MeasuredLock> {
  const mp = await connect({ redis: url, namespace: "bench" });
  const lock = mp.lock(name);
  // The session starts with the first use, which is not what is measured; the other libraries have connected by now, too.
  await lock.locked();
  let held: HeldLock | undefined;
  let releasing: Promise<void> | undefined;
  return {
    acquire: async () => {
      held = await lock.hold();
      await releasing;
      return held.fence;
    },
    release: async () => {
      if (awaitRelease) return held?.release();
      releasing = held?.release();
    },
    close: async () => {
      await releasing;
      await mp.close();
    },
  };
}
