import { until, useRedis } from "@manyhands/testing";
import { expect, test } from "vitest";
import { connect } from "../../../src/index.ts";
import { Keys } from "../../../src/redis/keys.ts";
import { lockPlace } from "../../../src/shared/sync/lock/lock-request.ts";
import { acquireLock, extendLock } from "../../../src/shared/sync/lock/lock-scripts.ts";
import { noteHolder } from "../../../src/shared/sync/lock/note-holder.ts";

const redis = useRedis();

test("F5: what a holder notes whose session has ended meanwhile, and which then dies, is not left over", async () => {
  const namespace = redis.namespace();
  const client = redis.client();
  const keys = new Keys(namespace);
  const [one, two] = ["one", "two"].map((name) => lockPlace(keys, { kind: "lock", name, owner: "" }).keys);
  await acquireLock.run(client, one ?? [], ["frozen:1", 60_000]);
  expect(await extendLock.run(client, one ?? [], ["frozen:1", 60_000, "frozen", 0, "", 7])).toBe("extended");
  expect(await noteHolder.run(client, two ?? [], ["cut-off:1", 60_000, "", "cut-off", "", "", 7])).toBe("noted");
  await using mp = await connect({ redis: redis.url, namespace, lease: 1_000 });
  await mp.event("any").set();
  await until(async () => (await client.keys(`{${namespace}}/session-holdings/*`)).length === 0);
  // By its own lease, because the process may still run.
  expect(await client.exists(one?.[0] ?? "", two?.[0] ?? "")).toBe(2);
});
