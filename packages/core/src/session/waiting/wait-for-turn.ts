import { RedisUnfitError } from "../../errors/index.ts";
import { type Milliseconds, type Patience, toLimit, within } from "../../time/index.ts";
import type { WaitRoom } from "./wait-room.ts";
import type { Waiter } from "./waiter.ts";

/** Outcome of one try. */
export type Attempt<Value> =
  | { granted: true; value: Value }
  /**
   * `dueIn`: ms until a lease that stands in the way ends; null = nothing in the way ends by itself. `retryIn`: ms until this
   * waiter itself asks again, also if nothing wakes it.
   */
  | { granted: false; dueIn: Milliseconds | null; retryIn?: Milliseconds | undefined };

/** An operation that may have to wait for its turn. */
export interface Turn<Value> {
  /**
   * One try, in one script, which also stores the waiter when it fails; null = do not wait. The same waiter may be stored
   * already, and may have been granted what it waits for in a try whose answer was lost.
   */
  attempt(waiter: string | null): Promise<Attempt<Value>>;
  /** Forgets the waiter and gives back what it was granted meanwhile (F19). May be called once more when the last try is answered. */
  abandon(waiter: string | null): Promise<unknown>;
  /**
   * What a wake-up that carries this word grants by itself, without another look at Redis: only for what is settled for
   * good in the script that sends it. Called after an attempt has been answered.
   */
  told?(word: string): { value: Value } | undefined | Promise<{ value: Value } | undefined>;
}

/** Longest time for the answer to a single try, ms. */
export const ANSWER_LIMIT: Milliseconds = 10_000;

/**
 * Tries until it is granted, woken in between. The answer to the first try is waited for also when the time is over before
 * it can be here: a time limit that is shorter than a round trip means one look, as 0 does.
 *
 * @param options.label - Label of the waiter, shown to people.
 * @returns undefined when the time was over first
 * @throws the signal's reason; StateLostError, ClosedError; RedisUnfitError when a single try gets no answer
 */
export async function waitForTurn<Value>(
  room: WaitRoom,
  turn: Turn<Value>,
  options: { patience: Patience | undefined; label: string },
): Promise<{ value: Value } | undefined> {
  const { limit, signal } = toLimit(options.patience);
  signal?.throwIfAborted();
  const deadline = limit === Number.POSITIVE_INFINITY ? limit : performance.now() + limit;
  room.keepAlive.hold();
  try {
    if (limit <= 0) return await tryOnce(turn, signal);
    if (!room.isStarted) {
      const first = await inTime(turn, { waiter: null, deadline: answeredBy(room, deadline), signal });
      if (first === undefined || first.granted) return first;
      if ((await within(room.start(), deadline - performance.now(), { signal })) === undefined) return undefined;
    }
    return await waitStored(room, turn, { waiter: room.open(options.label), deadline, signal });
  } finally {
    room.keepAlive.release();
  }
}

function answeredBy(room: WaitRoom, deadline: number): number {
  return Math.max(deadline, performance.now() + room.answerTime);
}

interface Wait {
  deadline: number;
  signal: AbortSignal | undefined;
}

async function tryOnce<Value>(
  turn: Turn<Value>,
  signal: AbortSignal | undefined,
): Promise<{ value: Value } | undefined> {
  const deadline = performance.now() + ANSWER_LIMIT;
  const attempt = await inTime(turn, { waiter: null, deadline, signal });
  if (attempt === undefined) {
    throw new RedisUnfitError(`Redis did not answer within ${ANSWER_LIMIT} ms; look at it with "manyhands doctor"`);
  }
  return attempt.granted ? attempt : undefined;
}

async function waitStored<Value>(
  room: WaitRoom,
  turn: Turn<Value>,
  wait: Wait & { waiter: Waiter },
): Promise<{ value: Value } | undefined> {
  const { waiter, deadline, signal } = wait;
  let isStored = true;
  let answerBy = answeredBy(room, deadline);
  try {
    while (true) {
      const attempt = await inTime(turn, { waiter: waiter.entry, deadline: answerBy, signal });
      answerBy = deadline;
      if (attempt === undefined) return undefined;
      if (attempt.granted) {
        isStored = false;
        return attempt;
      }
      if (attempt.dueIn !== null) room.lookIn(attempt.dueIn + 1);
      const now = performance.now();
      const retryAt = attempt.retryIn === undefined ? deadline : Math.min(deadline, now + attempt.retryIn);
      const isWoken = await waiter.next(retryAt - now, signal);
      if (!isWoken && retryAt === deadline) return undefined;
      if (!isWoken) continue;
      const told = waiter.word === undefined ? undefined : await turn.told?.(waiter.word);
      if (told) {
        isStored = false;
        return told;
      }
    }
  } finally {
    waiter.close();
    // Not waited for: Redis may be away, and the answer changes nothing here.
    if (isStored) turn.abandon(waiter.entry).catch(() => {});
  }
}

/** One try, of which the answer is not waited for longer than allowed. */
async function inTime<Value>(
  turn: Turn<Value>,
  wait: Wait & { waiter: string | null },
): Promise<Attempt<Value> | undefined> {
  const { waiter } = wait;
  const attempt = turn.attempt(waiter);
  if (wait.deadline === Number.POSITIVE_INFINITY && !wait.signal) return attempt;
  let isAnswered = false;
  const giveUp = (): void => {
    // A stored waiter is abandoned at once as well. But a script that the server did not know any more is sent a second
    // time, and then runs after what was to undo it.
    if (!isAnswered) attempt.then(() => turn.abandon(waiter)).catch(() => {});
  };
  try {
    const answer = await within(attempt, wait.deadline - performance.now(), wait);
    isAnswered = answer !== undefined;
    return answer?.value;
  } finally {
    giveUp();
  }
}
