import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Duty, type DutyOptions } from "../../src/time/duty.ts";
import { SingleFlight } from "../../src/time/index.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const warnings: string[] = [];
const logger = { warn: (message: string) => void warnings.push(message) };
afterEach(() => void warnings.splice(0));

function duty(options: Partial<DutyOptions> & Pick<DutyOptions, "look">): Duty {
  return new Duty({ what: "looking", interval: 1_000, logger, ...options });
}

/** A look of which each call waits until the test lets it end. */
function heldLook(): { look: () => Promise<void>; begun: () => number; end: (error?: Error) => void } {
  const calls: PromiseWithResolvers<void>[] = [];
  return {
    look: () => {
      const call = Promise.withResolvers<void>();
      calls.push(call);
      return call.promise;
    },
    begun: () => calls.length,
    end: (error) => (error ? calls.at(-1)?.reject(error) : calls.at(-1)?.resolve()),
  };
}

describe("a duty", () => {
  test("looks regularly, each time a little early by chance, and keeps no program alive", async () => {
    const looks: number[] = [];
    const regular = duty({ look: () => looks.push(Date.now()) && undefined });
    const begun = Date.now();
    regular.start();
    regular.start();
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(looks.length).toBeGreaterThanOrEqual(9);
    expect(looks.length).toBeLessThanOrEqual(11);
    for (const [index, at] of looks.entries()) {
      expect(at - (looks[index - 1] ?? begun)).toBeGreaterThanOrEqual(900);
      expect(at - (looks[index - 1] ?? begun)).toBeLessThanOrEqual(1_002);
    }
    await regular.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("never looks twice at once: a pass joins the look under way, and what is asked for again follows it", async () => {
    const { look, begun, end } = heldLook();
    const held = duty({ look });
    const first = held.pass();
    const joined = held.pass();
    const later = [held.again(), held.again()];
    expect(begun()).toBe(1);
    end();
    await Promise.all([first, joined]);
    await vi.advanceTimersByTimeAsync(0);
    expect(begun()).toBe(2);
    end();
    await Promise.all(later);
    expect(begun()).toBe(2);
  });

  test("asked from within a look for another one does that afterwards", async () => {
    let looks = 0;
    let isInside = false;
    const eager: Duty = duty({
      look: () => {
        expect(isInside).toBe(false);
        isInside = true;
        looks += 1;
        if (looks === 1) void eager.again();
        isInside = false;
      },
    });
    await eager.pass();
    await vi.advanceTimersByTimeAsync(0);
    expect(looks).toBe(2);
  });

  test("collects what is asked for soon", async () => {
    let looks = 0;
    const collecting = duty({ look: () => void looks++, collect: 100 });
    collecting.soon();
    await vi.advanceTimersByTimeAsync(60);
    collecting.soon();
    expect(looks).toBe(0);
    await vi.advanceTimersByTimeAsync(60);
    expect(looks).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("is called again after the time that a look names", async () => {
    let looks = 0;
    const named = duty({
      look: async () => {
        looks += 1;
        return looks === 1 ? 50 : undefined;
      },
    });
    named.start();
    named.soon();
    await vi.advanceTimersByTimeAsync(100);
    expect(looks).toBe(2);
    await named.stop();
  });

  test("logs a look that fails, also at once, and goes on", async () => {
    let looks = 0;
    const failing = duty({
      jitter: 0,
      look: () => {
        looks += 1;
        if (looks === 1) throw new Error("at once");
        if (looks === 2) return Promise.reject(new Error("later"));
      },
    });
    failing.start();
    await vi.advanceTimersByTimeAsync(3_100);
    expect(looks).toBe(3);
    expect(warnings).toEqual(["looking failed, trying again: at once", "looking failed, trying again: later"]);
    await failing.stop();
  });

  test("that stops waits for the look under way and begins no other, until it is started again", async () => {
    const { look, begun, end } = heldLook();
    const stopping = duty({ look });
    stopping.start();
    void stopping.pass();
    void stopping.again();
    stopping.soon();
    let isStopped = false;
    const stopped = stopping.stop().then(() => {
      isStopped = true;
    });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(isStopped).toBe(false);
    end();
    await stopped;
    stopping.soon();
    await stopping.pass();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(begun()).toBe(1);
    stopping.start();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(begun()).toBe(2);
    end();
    await stopping.stop();
  });

  test("leaves out what is due while its connection is away", async () => {
    const client = { status: "reconnecting" };
    let looks = 0;
    const away = duty({ client, look: () => void looks++ });
    await away.pass();
    expect(looks).toBe(0);
    client.status = "ready";
    await away.pass();
    expect(looks).toBe(1);
  });
});

describe("what two looks have to find", () => {
  function confirming(): {
    search: Duty;
    found: Set<string>;
    confirmed: string[];
    client: { status: string };
    fail: (error: Error) => void;
  } {
    const found = new Set<string>();
    const confirmed: string[] = [];
    const client = { status: "ready" };
    let failure: Error | undefined;
    const search = duty({
      client,
      look: async (confirm) => {
        confirmed.splice(0);
        for (const finding of found) if (confirm(finding)) confirmed.push(finding);
        const error = failure;
        failure = undefined;
        if (error) throw error;
      },
    });
    const fail = (error: Error): void => {
      failure = error;
    };
    return { search, found, confirmed, client, fail };
  }

  test("is confirmed by the second look in a row, and not by one before which it was not found", async () => {
    const { search, found, confirmed } = confirming();
    found.add("a");
    await search.pass();
    expect(confirmed).toEqual([]);
    found.add("b");
    await search.pass();
    expect(confirmed).toEqual(["a"]);
    found.delete("b");
    await search.pass();
    found.add("b");
    await search.pass();
    expect(confirmed).toEqual(["a"]);
  });

  test.each(["is left out", "fails"])("is forgotten when a look %s", async (how) => {
    const { search, found, confirmed, client, fail } = confirming();
    found.add("a");
    await search.pass();
    if (how === "fails") fail(new Error("Redis restarts"));
    else client.status = "reconnecting";
    await search.pass();
    client.status = "ready";
    confirmed.splice(0);
    await search.pass();
    expect(confirmed).toEqual([]);
    await search.pass();
    expect(confirmed).toEqual(["a"]);
  });
});

describe("a single flight", () => {
  test("has one run under way: others join it, and what is asked for again shares the next one", async () => {
    const { look, begun, end } = heldLook();
    const flight = new SingleFlight(look);
    const joined = [flight.join(), flight.join()];
    const again = [flight.again(), flight.again()];
    expect(begun()).toBe(1);
    end();
    await Promise.all(joined);
    await vi.advanceTimersByTimeAsync(0);
    expect(begun()).toBe(2);
    end();
    await Promise.all(again);
    expect(begun()).toBe(2);
  });

  test("tells all who wait of a failure, and goes on with the next run", async () => {
    let runs = 0;
    const flight = new SingleFlight(async () => {
      runs += 1;
      if (runs === 1) throw new RangeError("broken");
      return runs;
    });
    const failures = [flight.join(), flight.join()].map((run) => expect(run).rejects.toThrow("broken"));
    const next = flight.again();
    await flight.idle();
    await Promise.all(failures);
    expect(await next).toBe(2);
    const failing = new SingleFlight((): number => {
      throw new RangeError("at once");
    });
    for (let run = 0; run < 2; run += 1) await expect(failing.join()).rejects.toThrow("at once");
  });
});
