import {
  BrokenPipeError,
  BufferTooShortError,
  ClosedError,
  type Connection,
  EndOfFileError,
  PayloadTooLargeError,
  SerializationError,
  StateLostError,
  TimeoutError,
  ValueError,
} from "@manyhands/core";
import { findOrphanKeys, Keys, ObjectInspector, type ObjectPlace, openRedis } from "@manyhands/core/internal";
import { type Elsewhere, inEveryWorld, until } from "@manyhands/testing";
import { describe, expect, test } from "vitest";

/** Sends an end to the other participant, which keeps it under that name. */
async function give(
  parts: { mp: Awaited<ReturnType<Parameters<Parameters<typeof inEveryWorld>[0]>[0]["open"]>>["mp"]; other: Elsewhere },
  end: Connection<never>,
  name: string = "end",
): Promise<void> {
  await parts.mp.queue(`to-${name}`).put(end);
  await parts.other.run(async ({ mp, kept }, key: string) => {
    kept.set(key, await mp.queue(`to-${key}`).get());
  }, name);
}

inEveryWorld((world) => {
  describe("a pipe", () => {
    test("N1: duplex by default; of a simplex pipe the first end only receives, the second only sends", async () => {
      const { mp } = await world.open();
      const [left, right] = mp.pipe<string>();
      expect([left.readable, left.writable, right.readable, right.writable]).toEqual([true, true, true, true]);
      await left.send("to the right");
      await right.send("to the left");
      expect([await right.recv(), await left.recv()]).toEqual(["to the right", "to the left"]);
      for (const [reader, writer] of [mp.pipe<string>(false), mp.pipe<string>({ duplex: false })]) {
        expect([reader.readable, reader.writable, writer.readable, writer.writable]).toEqual([
          true,
          false,
          false,
          true,
        ]);
        await writer.send("x");
        expect(await reader.recv()).toBe("x");
        await expect(reader.send("y")).rejects.toThrow(ValueError);
        await expect(reader.sendBytes(Buffer.from("y"))).rejects.toThrow(ValueError);
        await expect(writer.recv()).rejects.toThrow(ValueError);
        await expect(writer.recvBytes()).rejects.toThrow(ValueError);
        await expect(writer.poll()).rejects.toThrow(ValueError);
      }
      expect(() => mp.pipe({ duplex: 1 as unknown as boolean })).toThrow(ValueError);
    });

    test("N2: values come as they were sent, null included; bytes whole, never merged or split", async () => {
      const { mp, other } = await world.open();
      const [here, there] = mp.pipe<unknown>();
      await give({ mp, other }, there as Connection<never>);
      const echoed = other.run(async ({ kept }) => {
        const end = kept.get("end") as Connection;
        for await (const message of end) await end.send(message);
      });
      const values = [
        1,
        "two",
        "",
        null,
        true,
        [1, [2]],
        { a: { b: null } },
        12n,
        new Date(5),
        new Map([[1, new Set([2])]]),
        "\ud800",
        undefined,
      ];
      for (const value of values) {
        await here.send(value);
        expect(await here.recv()).toEqual(value);
      }
      const parts = [Buffer.from("a"), Buffer.alloc(0), Buffer.from([0, 255, 1, 2, 3]), Buffer.from("b")];
      for (const part of parts) await here.sendBytes(part);
      for (const part of parts) expect(await here.recvBytes()).toEqual(part);
      await expect(here.send({ deep: [() => {}] })).rejects.toThrow(SerializationError);
      await expect(here.send({ deep: [() => {}] })).rejects.toThrow("deep[0]");
      await here.close();
      await there.close();
      await echoed;
    });

    test("N2: what is echoed as bytes is received as it was sent: a value, or the bytes", async () => {
      const { mp, other } = await world.open();
      const [here, there] = mp.pipe<unknown>();
      await give({ mp, other }, there as Connection<never>);
      const echoed = other.run(async ({ kept }) => {
        const end = kept.get("end") as Connection;
        while (true) {
          const bytes = await end.recvBytes();
          if (bytes.length === 0) return;
          await end.sendBytes(Buffer.concat([Buffer.from("before"), bytes]), 6);
        }
      });
      const values = [1, "two", null, { a: [1] }, 12n, new Map([[1, new Date(5)]]), Buffer.from("[1]"), undefined];
      for (const value of values) {
        await here.send(value);
        expect(await here.recv()).toEqual(value);
      }
      await here.sendBytes(Buffer.from('{"a": 1}'));
      expect(await here.recv()).toEqual(Buffer.from('{"a": 1}'));
      await here.sendBytes(Buffer.alloc(0));
      await echoed;
    });

    test("N2: a message of 16 MiB arrives; one that is larger than the pipe allows is refused", async () => {
      const { mp, other } = await world.open();
      const [here, there] = mp.pipe<unknown>();
      await give({ mp, other }, there as Connection<never>);
      const echoed = other.run(async ({ kept }) => {
        const end = kept.get("end") as Connection;
        await end.sendBytes(await end.recvBytes());
      });
      const large = Buffer.alloc(16 * 1024 * 1024, "manyhands");
      await here.sendBytes(large);
      const back = await here.recvBytes();
      await echoed;
      expect(back.equals(large)).toBe(true);
      const [narrow, reader] = mp.pipe<string>({ maxMessage: 1_000 });
      await expect(narrow.send("x".repeat(1_000))).rejects.toThrow(PayloadTooLargeError);
      await expect(narrow.sendBytes(Buffer.alloc(1_000))).rejects.toThrow(PayloadTooLargeError);
      await narrow.send("x".repeat(998));
      // An end that nothing refers to any more is closed with the next collection of garbage.
      expect((await reader.recv()).length).toBe(998);
    });

    test("N3: poll says whether a receive would wait, waits itself if told to, takes nothing, and is true at the end", async () => {
      const { mp, other } = await world.open();
      const [here, there] = mp.pipe<number>();
      await give({ mp, other }, there as Connection<never>);
      await there.close();
      expect([await here.poll(), await here.poll(-1), await here.poll({ timeout: 0 })]).toEqual([false, false, false]);
      const started = performance.now();
      expect(await here.poll(120)).toBe(false);
      expect(performance.now() - started).toBeGreaterThanOrEqual(119);
      const waiting = here.poll(10_000);
      await other.run(({ kept }) => (kept.get("end") as Connection).send(7));
      expect(await waiting).toBe(true);
      expect([await here.poll(), await here.poll(5_000)]).toEqual([true, true]);
      expect(await here.recv()).toBe(7);
      expect(await here.poll()).toBe(false);
      const atEnd = here.poll(10_000);
      await other.run(({ kept }) => (kept.get("end") as Connection).close());
      expect(await atEnd).toBe(true);
      expect(await here.poll()).toBe(true);
      await expect(here.poll("soon" as unknown as number)).rejects.toThrow(ValueError);
    });

    test("N4: after the peer has closed, what it sent is received, then the end of the file; a send breaks", async () => {
      const { mp, other } = await world.open();
      const [here, there] = mp.pipe<string>();
      await give({ mp, other }, there as Connection<never>);
      await there.close();
      await other.run(async ({ kept }) => {
        const end = kept.get("end") as Connection;
        const sent = [end.send("one"), end.send("two")];
        await end.close();
        await Promise.all(sent);
      });
      expect([await here.recv(), await here.recv()]).toEqual(["one", "two"]);
      await expect(here.recv()).rejects.toThrow(EndOfFileError);
      await expect(here.recv(false)).rejects.toThrow(EndOfFileError);
      await expect(here.send("too late")).rejects.toThrow(BrokenPipeError);
      expect(await here.inspect()).toMatchObject({ ends: [{ open: true }, { open: false, holders: [] }] });
      await here.close();
      expect((await here.inspect()).ends.map(({ open }) => open)).toEqual([false, false]);
    });

    test("N4: a waiting reader learns of the end at once; a closed handle receives and sends nothing", async () => {
      const { mp, other } = await world.open();
      const [here, there] = mp.pipe<string>();
      await give({ mp, other }, there as Connection<never>);
      await there.close();
      const waiting = expect(here.recv()).rejects.toThrow(EndOfFileError);
      await until(async () => (await here.inspect()).ends[0].readers.length === 1, { what: "it waits" });
      await other.run(({ kept }) => (kept.get("end") as Connection).close());
      await waiting;

      const [first, second] = mp.pipe<string>();
      const own = expect(first.recv()).rejects.toThrow(ClosedError);
      await until(async () => (await first.inspect()).ends[0].readers.length === 1, { what: "it waits" });
      await first.close();
      await first.close();
      await own;
      expect([first.closed, second.closed]).toEqual([true, false]);
      await expect(first.recv()).rejects.toThrow(ClosedError);
      await expect(first.send("x")).rejects.toThrow(ClosedError);
      await expect(first.poll()).rejects.toThrow(ClosedError);
      await expect(second.recv()).rejects.toThrow(EndOfFileError);
    });

    test("a receive gives up after the timeout or with the signal, and what comes later is not lost", async () => {
      const { mp } = await world.open();
      const [left, right] = mp.pipe<number>();
      await expect(left.recv(false)).rejects.toThrow(TimeoutError);
      await expect(left.recv({ timeout: 50 })).rejects.toThrow(TimeoutError);
      const stop = new AbortController();
      const stopped = expect(left.recv({ signal: stop.signal })).rejects.toThrow("enough");
      stop.abort(new Error("enough"));
      await stopped;
      await right.send(1);
      expect(await left.recv()).toBe(1);
    });

    test("F19: a message that comes while a receive gives up is received once, by the next one, in order", async () => {
      const { mp, other } = await world.open();
      const [here, there] = mp.pipe<number>();
      await give({ mp, other }, there as Connection<never>);
      await there.close();
      const count = 30;
      const sent = other.run(async ({ kept }, messages: number) => {
        const theirs = kept.get("end") as Connection<number>;
        for (let number = 0; number < messages; number += 1) {
          await theirs.recv();
          await theirs.send(number);
        }
      }, count);
      const received: number[] = [];
      for (let number = 0; number < count; number += 1) {
        await here.send(number);
        const stop = new AbortController();
        const time = (number % 10) / 4;
        if (number % 3 === 0) setTimeout(() => stop.abort(new TimeoutError("aborted")), time);
        const patience = [{ signal: stop.signal }, { timeout: 21 + time }, { timeout: time }][number % 3] ?? {};
        try {
          received.push(await here.recv(patience));
        } catch (error) {
          expect(error).toBeInstanceOf(TimeoutError);
        }
      }
      await sent;
      while (received.length < count) received.push(await here.recv({ timeout: 10_000 }));
      expect(received).toEqual(Array.from({ length: count }, (_, number) => number));
      expect(await here.poll(30)).toBe(false);
    });

    test("N3: what was sent is seen by a receive and a poll that do not wait, also where messages come by themselves", async () => {
      const { mp, other } = await world.open();
      const [here, there] = mp.pipe<number>();
      await give({ mp, other }, there as Connection<never>);
      await there.close();
      for (let number = 0; number < 6; number += 1) {
        const waiting = here.recv();
        await until(async () => (await here.inspect()).ends[0].readers.length === 1, { what: "it waits" });
        await other.run(async ({ kept }) => {
          const theirs = kept.get("end") as Connection<number>;
          await theirs.send(-1);
          await theirs.send(-2);
          await theirs.send(-3);
        });
        expect(await waiting).toBe(-1);
        expect(await here.poll()).toBe(true);
        expect(await here.recv(false)).toBe(-2);
        expect(await here.recv({ timeout: 1 })).toBe(-3);
        expect(await here.poll()).toBe(false);
      }
      expect((await here.inspect()).ends.map(({ messages }) => messages)).toEqual([0, 0]);
    });

    test("N10: receives that wait at one end at the same time are given a message each, through one handle and several", async () => {
      const { mp, other } = await world.open();
      const [here, there] = mp.pipe<number>();
      const [sent, twin] = [mp.queue("to-twin"), mp.queue("to-end")];
      await sent.put(here);
      const second = (await sent.get()) as Connection<number>;
      await twin.put(there);
      await there.close();
      await other.run(async ({ mp: theirs, kept }) => void kept.set("end", await theirs.queue("to-end").get()));
      for (let round = 0; round < 5; round += 1) {
        const waiting = [here.recv(), second.recv(), here.recv({ timeout: 20_000 }), second.recv()];
        for (let number = 0; number < waiting.length; number += 1) {
          await other.run(async ({ kept }, one: number) => (kept.get("end") as Connection<number>).send(one), number);
        }
        expect((await Promise.all(waiting)).sort()).toEqual([0, 1, 2, 3]);
        await here.send(round);
        await other.run(({ kept }) => (kept.get("end") as Connection<number>).recv());
      }
      const last = [here.recv(), second.recv()].map((one) => one.catch((error: unknown) => error));
      await here.close();
      expect(await last[0]).toBeInstanceOf(ClosedError);
      await other.run(({ kept }) => (kept.get("end") as Connection<number>).close());
      expect(await last[1]).toBeInstanceOf(EndOfFileError);
    });

    test("N5: parts of a buffer can be sent; what is out of its range is refused", async () => {
      const { mp } = await world.open();
      const [left, right] = mp.pipe();
      const bytes = Buffer.from("abcdefghijklmnopqrstuvwxyz");
      await left.sendBytes(bytes, 5);
      await left.sendBytes(bytes, 7, 8);
      await left.sendBytes(bytes, 26);
      await left.sendBytes(bytes, 26, 0);
      await left.sendBytes(new Uint16Array([1, 2]));
      const texts = [];
      for (let count = 0; count < 4; count += 1) texts.push((await right.recvBytes()).toString());
      expect(texts).toEqual(["fghijklmnopqrstuvwxyz", "hijklmno", "", ""]);
      expect(await right.recvBytes()).toEqual(Buffer.from(new Uint16Array([1, 2]).buffer));
      const bad: [number, number?][] = [[27], [22, 5], [26, 1], [-1], [4, -1], [0, 1.5]];
      for (const [offset, size] of bad) await expect(left.sendBytes(bytes, offset, size)).rejects.toThrow(ValueError);
      await expect(left.sendBytes("text" as unknown as Buffer)).rejects.toThrow(ValueError);
      expect(await right.poll()).toBe(false);
    });

    test("N5: a message that is longer than allowed ends the connection; one without room in a buffer comes with the error", async () => {
      const { mp } = await world.open();
      const [left, right] = mp.pipe();
      const buffer = Buffer.alloc(8, "-");
      await left.sendBytes(Buffer.from("1234"));
      expect(await right.recvBytesInto(buffer, 3)).toBe(4);
      expect(buffer.toString()).toBe("---1234-");
      await left.sendBytes(Buffer.from("123456789"));
      const short = await right.recvBytesInto(buffer).catch((error: unknown) => error);
      expect(short).toBeInstanceOf(BufferTooShortError);
      expect(Buffer.from((short as BufferTooShortError).bytes).toString()).toBe("123456789");
      await expect(right.recvBytesInto(buffer, 9)).rejects.toThrow(ValueError);
      await expect(right.recvBytes(-1)).rejects.toThrow(ValueError);
      await left.sendBytes(Buffer.from("1234"));
      expect((await right.recvBytes(4)).toString()).toBe("1234");
      await left.sendBytes(Buffer.from("12345"));
      await expect(right.recvBytes(4)).rejects.toThrow(PayloadTooLargeError);
      expect(right.closed).toBe(true);
      await expect(left.send(1)).rejects.toThrow(BrokenPipeError);
    });

    test("N6: an end that was sent stays open on its way, although the sender closes its own at once", async () => {
      const { mp, other } = await world.open();
      const [here, there] = mp.pipe<string>();
      await mp.queue("slow way").put(there);
      await there.close();
      expect(await here.poll(100)).toBe(false);
      expect(await here.inspect()).toMatchObject({ ends: [{ open: true }, { open: true, holders: [], inTransit: 1 }] });
      await here.send("waits for you");
      const answer = other.run(async ({ mp: theirs }) => {
        const end = (await theirs.queue("slow way").get()) as Connection;
        await end.send(`got: ${await end.recv()}`);
        await end.close();
      });
      expect(await here.recv()).toBe("got: waits for you");
      await answer;
      await expect(here.recv()).rejects.toThrow(EndOfFileError);
    });

    test("N6: of an end that never arrives the other one is told in the end", async () => {
      const { mp, options } = await world.open();
      const [here, there] = mp.pipe<string>();
      await mp.queue("nowhere").put(there);
      await there.close();
      expect(await here.poll()).toBe(false);
      // The time for its way is over.
      const client = openRedis(options.redis, { name: "test" });
      const prefix = `{${options.namespace}}`;
      const [token = ""] = await client.zrange(`${prefix}/pipe-transit/${here.name}`, "0", "-1");
      await client.zadd(`${prefix}/pipe-transit/${here.name}`, 1, token);
      await client.zadd(`${prefix}/deadlines`, 1, `pipe/${here.name}`);
      client.disconnect();
      await expect(here.recv({ timeout: 8_000 })).rejects.toThrow(EndOfFileError);
      const late = (await mp.queue("nowhere").get()) as Connection;
      await expect(late.recv()).rejects.toThrow(ClosedError);
    });

    test("N7: a connection that is disposed of is closed", async () => {
      const { mp } = await world.open();
      const [left, right] = mp.pipe<string>();
      {
        await using end = left;
        await end.send("last");
      }
      expect(left.closed).toBe(true);
      const seen: string[] = [];
      for await (const message of right) seen.push(message);
      expect(seen).toEqual(["last"]);
    });

    test("N9: ends travel through other pipes and inside other values, and keep their direction", async () => {
      const { mp, other } = await world.open();
      const [here, there] = mp.pipe<unknown>();
      await give({ mp, other }, there as Connection<never>);
      const [reader, writer] = mp.pipe<string>(false);
      await here.send({
        ends: new Map([
          ["reader", reader],
          ["writer", writer],
        ]),
      });
      await reader.close();
      await writer.close();
      const seen = await other.run(async ({ kept }) => {
        const { ends } = (await (kept.get("end") as Connection).recv()) as { ends: Map<string, Connection> };
        const theirs = { reader: ends.get("reader") as Connection, writer: ends.get("writer") as Connection };
        const names = [];
        for (const end of [theirs.reader, theirs.writer]) names.push(end.readable, end.writable);
        await theirs.writer.send("inside");
        const refused = await theirs.reader.send("x").catch((error: Error) => error.name);
        return [...names, await theirs.reader.recv(), refused];
      });
      expect(seen).toEqual([true, false, false, true, "inside", "ValueError"]);
    });

    test("N10: several readers of one end, each message goes to exactly one of them, and none is lost", async () => {
      const { mp, other } = await world.open();
      const [reader, writer] = mp.pipe<number>(false);
      await give({ mp, other }, reader as Connection<never>);
      const count = 2_000;
      const theirs = other.run(async ({ kept }) => {
        const seen: number[] = [];
        for await (const message of kept.get("end") as Connection<number>) seen.push(message);
        return seen;
      });
      const ours = (async () => {
        const seen: number[] = [];
        for await (const message of reader) seen.push(message);
        return seen;
      })();
      const sends = Array.from({ length: count }, (_, message) => writer.send(message));
      await Promise.all(sends);
      await writer.close();
      // Not in order for each: what one of them had read ahead and leaves comes to the other one later.
      const seen = await Promise.all([ours, theirs]);
      expect(seen.flat().sort((left, right) => left - right)).toEqual(
        Array.from({ length: count }, (_, index) => index),
      );
    });

    test("a pipe is listed with its messages, every key of it is accounted for, and it can be removed", async () => {
      const { mp, other, options } = await world.open();
      const [here, there] = mp.pipe<number>();
      await give({ mp, other }, there as Connection<never>);
      for (const number of [1, 2, 3]) await there.send(number);
      expect(await here.recv()).toBe(1);
      await until(async () => (await here.inspect()).ends[1].inTransit === 0, { what: "the end has arrived" });
      const client = openRedis(options.redis, { name: "test" });
      const place = { client, keys: new Keys(options.namespace ?? "") };
      const inspector = new ObjectInspector(place);
      const [listed] = await inspector.list((await inspector.places({ kind: "pipe" })) as ObjectPlace[]);
      expect(listed).toMatchObject({
        kind: "pipe",
        name: here.name,
        summary: expect.stringMatching(/^with 1, 2 messages <-> with [12], 0 messages$/),
      });
      expect((await findOrphanKeys(place)).orphans).toEqual([]);
      const waiting = expect(there.recv()).rejects.toThrow(StateLostError);
      await until(async () => (await here.inspect()).ends[1].readers.length === 1, { what: "it waits" });
      expect(await inspector.remove({ kind: "pipe", name: here.name })).toBe(true);
      await waiting;
      await expect(here.recv()).rejects.toThrow(StateLostError);
      expect(await client.exists(place.keys.object("pipe-stream", `0/${here.name}`, "items"))).toBe(0);
      expect((await findOrphanKeys(place)).orphans).toEqual([]);
      client.disconnect();
    });

    test("a pipe outlives its maker while others have its ends, and nothing is left when they have closed them", async () => {
      const { mp, other, options } = await world.open();
      const ends = await other.run(async ({ mp: theirs, core, kept }, settings: typeof options) => {
        const maker = await core.connect(settings);
        const [left, right] = maker.pipe<string>();
        await theirs.queue("ends").put([left, right]);
        kept.set("left", left);
        await maker.close();
        return left.name;
      }, options);
      const [left, right] = (await mp.queue("ends").get()) as [Connection<string>, Connection<string>];
      expect(left.name).toBe(ends);
      await left.send("still there");
      expect(await right.recv()).toBe("still there");
      await Promise.all([left.close(), right.close()]);
      const client = openRedis(options.redis, { name: "test" });
      expect(await client.zrange(`{${options.namespace}}/objects`, "0", "-1")).toEqual(["queue/ends"]);
      expect(await client.exists(`{${options.namespace}}/pipe/${ends}`)).toBe(0);
      client.disconnect();
    });

    test("a process keeps no note of a pipe that it has received from and closed", async () => {
      const { mp, other, options } = await world.open();
      const [here, there] = mp.pipe<string>();
      await give({ mp, other }, there as Connection<never>);
      await there.close();
      const answered = other.run(async ({ kept }) => {
        const theirs = kept.get("end") as Connection<string>;
        await theirs.send(await theirs.recv());
      });
      await until(async () => (await here.inspect()).ends[1].readers.length === 1, { what: "it waits" });
      const { ends } = await here.inspect();
      await here.send("back");
      expect(await here.recv()).toBe("back");
      await answered;
      await other.run(({ kept }) => (kept.get("end") as Connection<string>).close());
      await here.close();
      const client = openRedis(options.redis, { name: "test" });
      const keys = new Keys(options.namespace ?? "");
      for (const { session } of ends.flatMap(({ holders }) => holders)) {
        const holdings = await client.smembers(keys.sessionHoldings(session));
        expect(holdings.filter((held) => held.startsWith("pipe"))).toEqual([]);
      }
      client.disconnect();
    });
  });
});
