import { expect, test } from "vitest";
import { findDeadlocks, type ObjectView, signatureOf } from "../../../src/inspection/objects/index.ts";
import type { Holding } from "../../../src/shared/object/index.ts";

/** `A` is a program; `A:t` its task t. A dead one ends with "!". */
function participant(text: string): Holding {
  const isAlive = !text.endsWith("!");
  const [session = "", task] = text.replace("!", "").split(":");
  return {
    ...{ session, isAlive, hostname: "m", host: null, pid: 1, count: 1, since: 1 },
    task: task ? { name: "work", id: task } : null,
  };
}

function object(
  name: string,
  holders: string[],
  waiters: string[],
  waitsFor: ObjectView["waitsFor"] = "all",
): ObjectView {
  return {
    ...{ kind: "lock", name, named: true, owner: null, manager: null },
    ...{ createdAt: 0, summary: "", leaseLeft: null, lease: null, state: null },
    ...{ holders: holders.map(participant), waiters: waiters.map(participant), waitsFor },
  };
}

/** Each circle as "who>what". */
function circles(...objects: ObjectView[]): string[] {
  return findDeadlocks(objects).map((deadlock) =>
    deadlock.map(({ waiter, object: { name } }) => `${waiter.session}${waiter.task?.id ?? ""}>${name}`).join(" "),
  );
}

test.each([
  ["no waiter", [object("x", ["A"], [])], []],
  ["one waits for another", [object("x", ["A"], ["B", "C"]), object("y", ["B"], ["C"])], []],
  ["two in a circle", [object("x", ["A"], ["B"]), object("y", ["B"], ["A"])], ["A>y B>x"]],
  [
    "three in a circle, and one behind them that is not part of it",
    [object("x", ["A"], ["B", "D"]), object("y", ["B"], ["C"]), object("z", ["C"], ["A"])],
    ["A>z C>y B>x"],
  ],
  [
    "two circles",
    [object("a", ["A"], ["B"]), object("b", ["B"], ["A"]), object("c", ["C"], ["D"]), object("d", ["D"], ["C"])],
    ["A>b B>a", "C>d D>c"],
  ],
  ["tasks of one program are told apart", [object("x", ["A:1"], ["A:2"]), object("y", ["A:2"], [])], []],
  ["tasks of one program in a circle", [object("x", ["A:1"], ["A:2"]), object("y", ["A:2"], ["A:1"])], ["A1>y A2>x"]],
  ["who waits for itself", [object("x", ["A"], ["A"])], ["A>x"]],
  ["a holder that is dead: its lease ends", [object("x", ["A!"], ["B"]), object("y", ["B"], ["A"])], []],
  ["permits of which one holder goes on", [object("s", ["A", "C"], ["B"], "any"), object("y", ["B"], ["A"])], []],
  [
    "permits whose holders all wait",
    [object("s", ["A", "C"], ["B"], "any"), object("y", ["B"], ["A", "C"])],
    ["A>y B>s"],
  ],
  ["readers who must all leave", [object("w", ["A", "C"], ["B"], "all"), object("y", ["B"], ["A"])], ["A>y B>w"]],
  ["something that any process may do", [object("e", ["A"], ["B"], "unknown"), object("y", ["B"], ["A"])], []],
] as const)("%s", (_name, objects, expected) => {
  expect(circles(...objects)).toEqual(expected);
});

test("a circle keeps its signature until a participant in it moves on", () => {
  const [before] = findDeadlocks([object("x", ["A"], ["B"]), object("y", ["B"], ["A"])]);
  const again = findDeadlocks([object("y", ["B"], ["A"]), object("x", ["A"], ["B", "C"])])[0];
  const moved = object("x", ["A"], ["B"]);
  const later = { ...moved, holders: moved.holders.map((holder) => ({ ...holder, since: 2 })) };
  const [after] = findDeadlocks([later, object("y", ["B"], ["A"])]);

  expect(signatureOf(again ?? [])).toBe(signatureOf(before ?? []));
  expect(signatureOf(after ?? [])).not.toBe(signatureOf(before ?? []));
});
