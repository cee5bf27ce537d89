import { type CallForm, strictCalls } from "../checks/index.ts";
import { Connection, JoinableQueue, Queue, SimpleQueue } from "../shared/channels/index.ts";
import {
  Barrier,
  Condition,
  CountDownLatch,
  Event,
  Lock,
  ReadWriteLockSide,
  RLock,
  Semaphore,
} from "../shared/sync/index.ts";

const PATIENCE = "{ block, timeout, signal }";

/**
 * Makes the methods of shared objects that wait refuse arguments by position which they do not take: Python's
 * `acquire(True, 5)` and `get(True, 5)` would otherwise wait without a limit.
 */
export function refuseMoreThanPatience(): void {
  const locks = { lock: Lock, rlock: RLock, "readLock or writeLock": ReadWriteLockSide, condition: Condition };
  for (const [of, { prototype }] of Object.entries(locks)) {
    refuse(prototype, of, { acquire: [PATIENCE], hold: [PATIENCE], run: ["body", PATIENCE] });
  }
  refuse(Condition.prototype, "condition", { wait: [PATIENCE], waitFor: ["predicate", PATIENCE], notify: ["count"] });
  const permits = "{ permits, block, timeout, signal }";
  refuse(Semaphore.prototype, "semaphore", { acquire: [permits], hold: [permits], release: ["permits"] });
  refuse(Event.prototype, "event", { wait: [PATIENCE] });
  refuse(Barrier.prototype, "barrier", { wait: [PATIENCE] });
  refuse(CountDownLatch.prototype, "latch", { wait: [PATIENCE], await: [PATIENCE] });
  refuse(Queue.prototype, "queue", {
    ...{ put: ["item", PATIENCE], putMany: ["items", PATIENCE], putNowait: ["item"] },
    ...{ get: [PATIENCE], getMany: ["most", PATIENCE], getNowait: [], poll: [PATIENCE] },
  });
  refuse(JoinableQueue.prototype, "queue", { join: [PATIENCE], taskDone: [] });
  refuse(SimpleQueue.prototype, "queue", { put: ["item"], get: [], poll: [PATIENCE] });
  refuse(Connection.prototype, "connection", {
    ...{ send: ["value"], sendBytes: ["bytes", "offset", "size"], recv: [PATIENCE], poll: [PATIENCE] },
    ...{ recvBytes: ["maxLength", PATIENCE], recvBytesInto: ["buffer", "offset", PATIENCE] },
  });
}

/** @param methods - By name, their arguments as a message shows them. */
function refuse(prototype: object, of: string, methods: { readonly [method: string]: readonly string[] }): void {
  const form = ([method, args]: [string, readonly string[]]): [string, CallForm] => [
    method,
    { form: `${of}.${method}(${args.join(", ")})`, most: args.length, rejects: true },
  ];
  strictCalls(prototype, Object.fromEntries(Object.entries(methods).map(form)));
}
