import type { Actor } from "@manyhands/testing";

/** One time that an actor held something; times by this machine's monotonic clock, ms. */
export interface Section {
  /** Null of what has none. */
  fence: number | null;
  /** "write" for a lock that one holder has at a time. */
  mode: "read" | "write";
  permits: number;
  entered: number;
  left: number;
  /** Whether its holder could trust it up to the end. */
  trusted: boolean;
}

/** What an actor holds again and again. */
export interface Contended {
  lock?: string;
  /** Mostly its read lock. */
  readWriteLock?: string;
  /** From one permit to all of them. */
  semaphore?: { name: string; permits: number };
  /** Some tries end after a few ms, in the middle of a grant; then a try may fail. */
  givesUp: boolean;
}

/** Has an actor hold something again and again for that time. @returns when it held it */
export function contend(actor: Actor, contended: Contended, milliseconds: number): Promise<Section[]> {
  return actor.run(
    async ({ mp }, { lock, readWriteLock, semaphore, givesUp }: Contended, duration: number) => {
      const clock = (): number => Number(process.hrtime.bigint() / 1_000n) / 1_000;
      const sections: Section[] = [];
      const end = clock() + duration;
      while (clock() < end) {
        const timeout = givesUp && Math.random() < 0.2 ? Math.random() * 20 : 10_000;
        const mode = readWriteLock && Math.random() < 0.7 ? "read" : "write";
        const permits = semaphore ? 1 + Math.floor(Math.random() * semaphore.permits) : 1;
        const take = () => {
          if (semaphore) {
            const { name, permits: all } = semaphore;
            return mp.boundedSemaphore(all, { name }).hold({ permits, timeout });
          }
          if (!readWriteLock) return mp.lock(lock).hold({ timeout });
          const both = mp.readWriteLock(readWriteLock);
          return (mode === "write" ? both.writeLock() : both.readLock()).hold({ timeout });
        };
        const held = await take().catch((error) => {
          if (givesUp) return null;
          throw error;
        });
        if (!held) continue;
        const entered = clock();
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
        const fence = "fence" in held ? held.fence : null;
        sections.push({ fence, mode, permits, entered, left: clock(), trusted: held.isHeld });
        await held.release().catch(() => {});
      }
      return sections;
    },
    contended,
    milliseconds,
  );
}
