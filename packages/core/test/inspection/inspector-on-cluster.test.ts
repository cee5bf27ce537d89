import { until, useCluster } from "@manyhands/testing";
import { expect, test } from "vitest";
import { Inspector, Keys, openRedis, submitDetached } from "../../src/internal.ts";

const cluster = useCluster();

test("all that is read and done stays on one slot of a cluster", async () => {
  const client = openRedis(cluster.config, { name: "inspector-test" });
  const keys = new Keys("on-cluster");
  const inspector = new Inspector({ client, keys });
  try {
    await inspector.pools.create({ name: "mail", size: 2 });
    const call = { task: "square", args: [7], pool: "mail", maxPayload: 1_000 };
    const { id } = await submitDetached({ client, keys }, call);

    expect(await inspector.pools.list()).toMatchObject([{ name: "mail", size: 2, waiting: 1 }]);
    expect(await inspector.tasks.list()).toMatchObject([{ id, state: "blocked" }]);
    expect(await inspector.tasks.get(id)).toMatchObject({ args: [7], queuePosition: 0 });
    expect(await inspector.tasks.logs(id)).toEqual({ lines: [], next: 0, missed: 0 });
    expect(await inspector.pools.pause("mail")).toBe(true);
    expect(await inspector.pools.resume("mail")).toBe(true);
    expect(await inspector.pools.resize("mail", 3)).toBe(true);
    expect(await inspector.tasks.cancel(id)).toEqual({ outcome: "removed", pool: "mail" });
    expect(await inspector.tasks.get(id)).toMatchObject({ state: "cancelled" });
    const told = new Set<string>();
    const feed = inspector.changes({
      openBlocking: () => openRedis(cluster.config, { name: "inspector-test:changes", blocking: true }),
      onChange: (topics) => topics.forEach((topic) => void told.add(topic)),
      onPulse: () => {},
      logger: { warn: () => {} },
    });
    feed.start();
    try {
      await until(async () => {
        await submitDetached({ client, keys }, call);
        return told.has("pools/mail");
      });
    } finally {
      await feed.stop();
    }
  } finally {
    await inspector.close();
    client.disconnect();
  }
});
