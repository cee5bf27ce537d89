import { expect, test } from "vitest";
import { SerializationError, ValueError } from "../../../src/errors/index.ts";
import {
  assertSendable,
  classify,
  decode,
  defineTransferable,
  encode,
  forViewing,
} from "../../../src/wire/codec/index.ts";

/** A live object: it has a connection that cannot travel, and a name by which it is found again. */
class Counter {
  static opened = 0;
  readonly name: string;
  readonly connection: () => void = () => {};

  constructor(name: string) {
    this.name = name;
    Counter.opened += 1;
  }
}

const counters = {
  tag: "test-counter",
  is: (value: object) => value instanceof Counter,
  toReference: (counter: Counter) => ({ name: counter.name, at: new Date(5) }),
  fromReference: (reference: { name: string }) => new Counter(reference.name),
};
defineTransferable(counters);

test("a live handle arrives as one live handle of the same class", () => {
  // Given
  const counter = new Counter("hits");
  const args = [counter, { counter }, 3];
  expect(classify(args, "args")).toBe("encoded");
  // When
  const opened = Counter.opened;
  const arrived = decode(encode(args)) as [Counter, { counter: Counter }, number];
  // Then: once, although it was sent twice
  expect(Counter.opened).toBe(opened + 1);
  expect(arrived[0]).toBeInstanceOf(Counter);
  expect(arrived[0].name).toBe("hits");
  expect(arrived[1].counter).toBe(arrived[0]);
  expect(arrived[2]).toBe(3);
});

test("a handle behind a Proxy, and one that is a function, are found too", () => {
  const callable = Object.assign((): number => 1, { id: "callable" });
  defineTransferable({
    tag: "test-callable",
    is: (value) => typeof value === "function" && "id" in value,
    toReference: (value: typeof callable) => value.id,
    fromReference: (id: string) => Object.assign(() => 2, { id }),
  });
  const proxied = new Proxy(new Counter("proxied"), {});
  const arrived = decode(encode({ proxied, callable })) as { proxied: Counter; callable: typeof callable };
  expect(arrived.proxied.name).toBe("proxied");
  expect(arrived.callable.id).toBe("callable");
  expect(arrived.callable()).toBe(2);
});

test("a reference that cannot be sent is refused at the handle's place", () => {
  class Broken {}
  defineTransferable({
    tag: "test-broken",
    is: (value) => value instanceof Broken,
    toReference: () => ({ callback: () => {} }),
    fromReference: () => new Broken(),
  });
  expect(() => assertSendable([new Broken()], "args")).toThrow(/^args\[0\]\.callback cannot be sent/);
});

test("bytes with a kind of handle that is not known here say so", () => {
  const tag = "test-vanishing";
  class Vanishing {}
  defineTransferable({
    tag,
    is: (value) => value instanceof Vanishing,
    toReference: () => "reference",
    fromReference: () => new Vanishing(),
  });
  const bytes = encode(new Vanishing());
  // The tag is the only occurrence of the text; another one of the same length is not defined.
  const other = Buffer.from(bytes.toString("latin1").replace(tag, "test-nonexistent".slice(0, tag.length)), "latin1");
  expect(() => decode(other)).toThrow(SerializationError);
  expect(() => decode(other)).toThrow(/import the module that defines it/);
});

test("what is only looked at opens nothing", () => {
  const bytes = encode([new Counter("seen")]);
  const opened = Counter.opened;
  expect(forViewing(() => decode(bytes))).toEqual([{ name: "seen", at: new Date(5) }]);
  expect(Counter.opened).toBe(opened);
  expect((decode(bytes) as [Counter])[0]).toBeInstanceOf(Counter);
});

test("a tag is defined once", () => {
  expect(() => defineTransferable(counters)).toThrow(ValueError);
});
