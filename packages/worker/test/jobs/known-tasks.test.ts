import type { TaskAnnouncement } from "@manyhands/core/internal";
import { expect, test } from "vitest";
import { madeOf, TaskMap } from "../../src/jobs/known-tasks.ts";

const announced = (name: string): [string, TaskAnnouncement] => [name, { name } as TaskAnnouncement];

test("what is made of the tasks of a host is made again when these, or what else it is made of, have changed", () => {
  // given
  const tasks = new TaskMap();
  tasks.set(...announced("one"));
  let made = 0;
  const names = madeOf(tasks, (known, pool: string) => {
    made += 1;
    return `${pool}: ${[...known].map(({ name }) => name).join(" ")}`;
  });
  // when
  const first = [names("a"), names("a")];
  // then
  expect(first).toEqual(["a: one", "a: one"]);
  expect(made).toBe(1);
  expect(names("b")).toBe("b: one");
  tasks.set(...announced("two"));
  expect(names("b")).toBe("b: one two");
  tasks.delete("one");
  expect(names("b")).toBe("b: two");
  tasks.clear();
  expect(names("b")).toBe("b: ");
  expect(made).toBe(5);
});
