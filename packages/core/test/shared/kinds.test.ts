import { readFileSync } from "node:fs";
import { expect, expectTypeOf, test } from "vitest";
import { Context } from "../../src/context/context.ts";
import { Manager } from "../../src/shared/containers/index.ts";
import { findKind, KIND_NAMES, KINDS, REAPED_KINDS } from "../../src/shared/kinds.ts";
import type { SharedKind } from "../../src/shared/object/index.ts";
import { EVENT_KIND, Event } from "../../src/shared/sync/index.ts";

const { open: _, ...withoutOpen } = EVENT_KIND;
const { isSet: __, ...withoutLook } = EVENT_KIND.methods ?? ({} as never);

/** Checked by `pnpm check`: a row of which something is missing does not compile. */
function rows(): SharedKind<Event>[] {
  return [
    EVENT_KIND,
    // @ts-expect-error how a reference becomes a handle is missing
    withoutOpen,
    // @ts-expect-error a part is missing
    { ...EVENT_KIND, parts: undefined },
    // @ts-expect-error the methods that make one are missing
    { ...EVENT_KIND, makers: undefined },
    // @ts-expect-error a method that waits is not one of the class
    { ...EVENT_KIND, waits: [{ of: "event", handles: Event, methods: { join: [] } }] },
    // @ts-expect-error a method of the class is missing
    { ...EVENT_KIND, methods: withoutLook },
    // @ts-expect-error the class has no such method
    { ...EVENT_KIND, methods: { ...withoutLook, isSet: "looks", isClear: "looks" } },
    // @ts-expect-error no such use of a method
    { ...EVENT_KIND, methods: { ...withoutLook, isSet: "peeks" } },
  ];
}

test("each kind of shared object has one complete row", () => {
  expectTypeOf(rows).toBeFunction();
  expect(new Set(KIND_NAMES).size).toBe(21);
  expect(new Set(REAPED_KINDS.map(({ kind }) => kind)).size).toBe(REAPED_KINDS.length);
  expect(KIND_NAMES.filter((kind) => findKind(kind)?.kind !== kind)).toEqual([]);
  expect(findKind("tuba")).toBeUndefined();
});

test("what a row says of makers and of methods that wait is there", () => {
  // given
  const classes = { mp: [Context], manager: [Manager], both: [Context, Manager] };
  const made = KINDS.flatMap(({ makers }) =>
    Object.entries(makers).flatMap(([name, { of }]) => classes[of].map((one) => ({ prototype: one.prototype, name }))),
  );
  const waits = KINDS.flatMap((row) =>
    row.waits.flatMap(({ handles, methods }) =>
      Object.keys(methods).map((name) => ({ prototype: handles.prototype, name })),
    ),
  );

  // when
  const missing = [...made, ...waits].filter(({ prototype, name }) => !Object.hasOwn(prototype, name));

  // then
  expect(made.length).toBeGreaterThan(KINDS.length);
  expect(missing).toEqual([]);
});

test("docs/redis-keys.md has a line for every key of every kind", () => {
  // given
  const table = readFileSync(new URL("../../../../docs/redis-keys.md", import.meta.url), "utf8");
  const documented = new Set(
    table.split("\n").flatMap((line) => {
      const cell = line.split(" | ")[0] ?? "";
      const [first = ""] = /(?<=\{ns\}\/)[a-z-]+/.exec(cell) ?? [];
      const stem = first.replace(/-[a-z]+$/, "");
      const whole = [...cell.matchAll(/\{ns\}\/([a-z-]+)\/|`([a-z-]+)\/…`/g)].map(([, full, more]) => full ?? more);
      const short = [...cell.matchAll(/`-([a-z]+)\/?`/g)].map(([, part]) => `${stem}-${part}`);
      return [...whole, ...short];
    }),
  );

  // when
  const keys = KIND_NAMES.flatMap((kind) =>
    (findKind(kind)?.parts ?? []).map((part) => (part === "" ? kind : `${kind}-${part}`)),
  );

  // then
  expect(keys.length).toBeGreaterThan(KIND_NAMES.length);
  expect(keys.filter((key) => !documented.has(key))).toEqual([]);
});
