import { expect, test } from "vitest";
import { failed, type Outcome, Ticket } from "../../../src/work/results/index.ts";

function ticket(units: number): { subject: Ticket; got: [number, Outcome][] } {
  const got: [number, Outcome][] = [];
  const sink = { answer: (unit: number, outcome: Outcome): void => void got.push([unit, outcome]) };
  return { subject: new Ticket({ jobId: "a-1", pool: "p", task: "t", units, sink }), got };
}

const value = (of: unknown): Outcome => ({ ok: true, value: of, micros: 5 });

test("each unit is answered once; later answers are ignored", () => {
  const { subject, got } = ticket(2);
  subject.answer(1, value("second"));
  subject.answer(1, value("again"));
  subject.answer(7, value("of another job"));
  expect(subject.settled).toBe(false);
  subject.answer(0, value("first"));
  subject.answer(0, failed(new Error("late")));
  expect(subject.settled).toBe(true);
  expect(got).toEqual([
    [1, value("second")],
    [0, value("first")],
  ]);
});

test("failing it fails what has no answer yet", () => {
  const { subject, got } = ticket(3);
  subject.answer(1, value("kept"));
  const error = new Error("gone");
  subject.fail(error);
  subject.fail(new Error("again"));
  expect(subject.settled).toBe(true);
  expect(got).toEqual([
    [1, value("kept")],
    [0, failed(error)],
    [2, failed(error)],
  ]);
});
