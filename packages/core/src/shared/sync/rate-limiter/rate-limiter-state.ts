import type { Milliseconds } from "../../../time/index.ts";
import type { RateKind } from "../../../wire/records/rate.ts";
import { type ObjectRuntime, type Participant, readParticipants } from "../../object/index.ts";

/** A rate limiter as it is at the moment. */
export interface RateLimiterState {
  name: string;
  /** Starts per `per` ms; null = it has no rate. */
  max: number | null;
  per: Milliseconds | null;
  kind: RateKind | null;
  /** How many may run at once; null = any number. */
  concurrency: number | null;
  /** Starts that the rate counts now; of a bucket: what is not refilled yet. */
  used: number;
  /** Until the rate allows the next start, ms; 0 = now. */
  nextIn: Milliseconds;
  /** Who holds a place. `leaseLeft`: ms until its program must have renewed its lease. */
  holders: (Participant & { since: number; leaseLeft: Milliseconds })[];
  /** First comes first. */
  waiters: Participant[];
}

/** Reads the state of the rate limiter of that name; null when there is none. */
export async function readRateLimiter(
  context: Pick<ObjectRuntime, "client" | "keys">,
  name: string,
): Promise<RateLimiterState | null> {
  const { client, keys } = context;
  const key = (part?: string): string => keys.object("rate-limiter", name, part);
  const [state, holders, waiters, time] = await Promise.all([
    client.hgetall(key()),
    client.hgetall(key("holders")),
    client.lrange(key("waiters"), 0, -1),
    client.time(),
  ]);
  if (state["madeAt"] === undefined) return null;
  const number = (field: string): number | null => (state[field] ? Number(state[field]) : null);
  const rate = { max: number("max"), per: number("per"), kind: (state["kind"] || null) as RateKind | null };
  const held = Object.entries(holders).map(([holding, text]) => toHeld(holding, text));
  const micros = Number(time[0]) * 1_000_000 + Number(time[1]);
  const [used, holding, waiting, leases] = await Promise.all([
    readUse(context, { ...rate, key: key("starts"), micros }),
    readParticipants(context, held),
    readParticipants(context, waiters),
    Promise.all(held.map(({ session }) => client.pttl(keys.session(session)))),
  ]);
  return {
    name,
    ...rate,
    concurrency: number("concurrency"),
    ...used,
    holders: holding.map((participant, index) => ({
      ...participant,
      since: held[index]?.since ?? 0,
      leaseLeft: Math.max(0, leases[index] ?? 0),
    })),
    waiters: waiting,
  };
}

/** A rate, and where its state is; `micros`: the server's time in microseconds. */
interface RateUse {
  max: number | null;
  per: Milliseconds | null;
  kind: RateKind | null;
  key: string;
  micros: number;
}

async function readUse(
  { client }: Pick<ObjectRuntime, "client">,
  { max, per, kind, key, micros }: RateUse,
): Promise<Pick<RateLimiterState, "used" | "nextIn">> {
  if (max === null || per === null) return { used: 0, nextIn: 0 };
  if (kind === "window") {
    const starts = (await client.lrange(key, 0, max - 1)).map(Number).filter((at) => at > micros - per * 1000);
    const first = starts.length < max ? undefined : starts.at(-1);
    return { used: starts.length, nextIn: first === undefined ? 0 : (first + per * 1000 - micros) / 1000 };
  }
  const full = Math.max(micros, Number((await client.get(key)) ?? 0));
  const interval = (per * 1000) / max;
  return {
    used: Math.ceil((full - micros) / interval),
    nextIn: Math.max(0, full + interval - per * 1000 - micros) / 1000,
  };
}

/** A holder as it is stored: "<session>|<id>" -> "<since, ms>|<label>". */
function toHeld(holding: string, text: string): { session: string; label: string; since: number } {
  const [session = ""] = holding.split("|");
  const [since, ...label] = text.split("|");
  return { session, label: label.join("|"), since: Number(since) };
}
