import { useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { ClosedError } from "../../../src/errors/index.ts";
import { KeepAlive } from "../../../src/redis/connection/index.ts";
import { Keys } from "../../../src/redis/keys.ts";
import { Session } from "../../../src/session/index.ts";
import { type Turn, WaitRoom, waitForTurn } from "../../../src/session/waiting/index.ts";

const redis = useRedis();

test("a wait whose first try is answered after the context was closed ends, and subscribes to nothing", async () => {
  const keys = new Keys(redis.namespace());
  const session = new Session({ id: "me", client: redis.client(), keys, lease: 30_000 });
  onTestFinished(() => session.stop());
  await session.start();
  let subscribers = 0;
  const openSubscriber = (): ReturnType<typeof redis.client> => {
    subscribers += 1;
    return redis.client();
  };
  const room = new WaitRoom({ keys, session, openSubscriber, keepAlive: new KeepAlive() });
  const turn: Turn<never> = {
    attempt: async () => {
      await room.close();
      return { granted: false, dueIn: null };
    },
    abandon: async () => {},
  };
  await expect(waitForTurn(room, turn, { patience: true, label: "late" })).rejects.toThrow(ClosedError);
  expect(subscribers).toBe(0);
});
