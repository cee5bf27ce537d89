import { AttributeError, got } from "../../../errors/index.ts";
import {
  assertSameNamespace,
  namePart,
  type ObjectIdentity,
  type ObjectReference,
  type ObjectRuntime,
} from "../../object/index.ts";
import { Lock, RLOCK_KIND, RLock } from "../../sync/index.ts";
import { guard } from "../manager/guard.ts";

/** The lock of a value or array: the one given, an RLock of its own, or none (V3). */
export type GuardingLock = Lock | RLock | false;

/** @throws AttributeError for something else than a lock, `true` or `false`; ValueError for a lock of another namespace */
export function guardingLock(
  runtime: ObjectRuntime,
  identity: ObjectIdentity & { kind: string },
  lock: unknown,
): GuardingLock {
  if (lock === false) return lock;
  if (lock instanceof Lock || lock instanceof RLock) {
    assertSameNamespace(runtime, lock, identity.kind);
    return lock;
  }
  if (lock !== undefined && lock !== null && lock !== true) {
    throw new AttributeError(`lock must be a Lock, an RLock, or false for none; got ${got(lock)}`);
  }
  const { kind, name, owner } = identity;
  const own = new RLock(runtime, { name: `${namePart(kind)}/${name}`, owner });
  return guard(runtime, own, { owner, methods: RLOCK_KIND.methods });
}

/** @throws AttributeError when it was made with `lock: false` */
export function lockOf(lock: GuardingLock, what: string): Lock | RLock {
  if (lock !== false) return lock;
  throw new AttributeError(`${what} has no lock: it was made with { lock: false }`);
}

export function toLockReference(lock: GuardingLock): ObjectReference | false {
  return lock === false ? false : lock.toReference();
}

export function openGuardingLock(runtime: ObjectRuntime, reference: ObjectReference | false): GuardingLock {
  return reference === false ? false : (runtime.open(reference) as Lock | RLock);
}
