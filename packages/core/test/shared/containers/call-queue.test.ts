import { expect, test } from "vitest";
import type { Script } from "../../../src/redis/script/index.ts";
import { CallQueue } from "../../../src/shared/containers/calls/call-queue.ts";
import type { CallsReply } from "../../../src/shared/containers/calls/calls-script.ts";
import type { ObjectRuntime } from "../../../src/shared/object/index.ts";

test("calls that were made while the session started are sent before those that come once it has", async () => {
  // given
  const started = Promise.withResolvers<void>();
  const session = {
    isStarted: false,
    start: () => started.promise,
    writes: { answers: "answers", next: () => ({ id: "1", arrived: "" }), arrived: () => {} },
  };
  const runtime = {
    session,
    client: {},
    keys: { prefix: "p/", object: (kind: string, name: string) => `${kind}/${name}` },
    keepAlive: { hold: () => {}, release: () => {} },
  } as unknown as ObjectRuntime;
  const sent: unknown[] = [];
  const script = {
    run: async (_client: unknown, _keys: unknown, args: unknown[]) => {
      sent.push(args.at(-1));
      return [1];
    },
  } as unknown as Script<CallsReply>;
  const line = new CallQueue(runtime, { kind: "dict", name: "prices", owner: "", script, makeWith: [] });
  const set = (value: string): Promise<unknown> =>
    line.run({ name: "set", args: ["price", value], fence: undefined, reads: false });

  // when
  const first = set("first");
  await new Promise((resolve) => setImmediate(resolve));
  session.isStarted = true;
  const second = set("second");
  await new Promise((resolve) => setImmediate(resolve));
  started.resolve();
  await Promise.all([first, second]);

  // then
  expect(sent).toEqual(["first", "second"]);
});
