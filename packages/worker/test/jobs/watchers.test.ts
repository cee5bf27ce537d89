import { expect, test } from "vitest";
import { addWatcher, watchersOf } from "../../src/jobs/watchers.ts";
import { Note } from "../../src/notes/note.ts";

test("notes of one object stay apart from those of others, from other notes, and from what the object shows", () => {
  // given
  const [one, other] = [{ id: "1" }, { id: "2" }];
  const [begun, ended] = [new Note<object, number>("begun"), new Note<object, number>("ended")];

  // when
  begun.set(one, 7);

  // then
  expect([begun.of(one), begun.of(other), ended.of(one)]).toEqual([7, undefined, undefined]);
  expect(JSON.stringify(one)).toBe('{"id":"1"}');
  expect(Object.keys(one)).toEqual(["id"]);
});

test("a client is added once to those that wait for a job, and to no other job", () => {
  const [job, other] = [{}, {}];
  expect([addWatcher(job, "a"), addWatcher(job, "b"), addWatcher(job, "a")]).toEqual([true, true, false]);
  expect([...watchersOf(job)]).toEqual(["a", "b"]);
  expect(watchersOf(other).size).toBe(0);
});
