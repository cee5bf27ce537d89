import { type Deadlock, findDeadlocks, memberOf, pause, signatureOf } from "@manyhands/core/internal";
import type { Connection } from "../../connection/connection.ts";
import { describeObject, describeParticipant } from "../object/describe.ts";
import { type Finding, ok } from "./finding.ts";

/** Who waits for each other still does after this, ms; what merely changes hands at the moment does not. */
const SECOND_LOOK = 1_000;

/** Whether programs and tasks wait for each other in a circle. */
export async function checkDeadlocks({ inspector: { objects } }: Pick<Connection, "inspector">): Promise<Finding[]> {
  const views = await objects.list();
  const first = new Set(findDeadlocks(views).map(signatureOf));
  if (first.size > 0) {
    await pause(SECOND_LOOK);
    const lasting = findDeadlocks(await objects.list()).filter((deadlock) => first.has(signatureOf(deadlock)));
    if (lasting.length > 0) return lasting.map(toFinding);
  }
  return [ok("deadlocks", `${views.length} shared objects, none in a deadlock`)];
}

function toFinding(deadlock: Deadlock): Finding {
  const [wait] = deadlock;
  if (deadlock.length === 1 && wait) {
    const object = describeObject(wait.object);
    return {
      check: "deadlock",
      status: "warning",
      finding: `${describeParticipant(wait.waiter)} waits for ${object}, which it holds itself`,
      advice: "harmless if these are two parts of one program; a task that acquires a lock twice needs mp.rlock()",
    };
  }
  const steps = deadlock.map(
    ({ waiter, object, holder }) =>
      `${describeParticipant(waiter)} waits for ${describeObject(object)} of ${describeParticipant(holder)}`,
  );
  const object = deadlock.map((one) => memberOf(one.object)).sort()[0];
  return {
    check: "deadlock",
    status: "problem",
    finding: `${deadlock.length} wait for each other: ${steps.join("; ")}`,
    advice: `acquire them in the same order everywhere; to go on now: manyhands object release ${object}`,
  };
}
