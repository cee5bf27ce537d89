import { optionsOf } from "../../../checks/index.ts";
import { PATIENCE_TEXT, type SharedKind } from "../../object/index.ts";
import { leasedReaper } from "../leased/index.ts";
import { describe, RateLimiter, type RateLimiterSettings } from "./rate-limiter.ts";
import { RATE_LIMITER } from "./rate-limiter-lua.ts";
import { readRateLimiter } from "./rate-limiter-state.ts";

/** Lets programs start something so often, and so many at once. */
export const RATE_LIMITER_KIND: SharedKind<RateLimiter> = {
  kind: "rate-limiter",
  open: (runtime, reference) => new RateLimiter(runtime, reference, reference.settings as RateLimiterSettings),
  parts: [""],
  stays: "until removed",
  lines: ["waiters"],
  async read(reader, name) {
    const state = await readRateLimiter(reader, name);
    if (state === null) return null;
    const { holders, waiters, max, used, concurrency } = state;
    const now = [...(max ? [`${used} used`] : []), ...(concurrency ? [`${holders.length} running`] : [])];
    return {
      summary: `${describe(state)}: ${now.join(", ")}`,
      holders: holders.map(({ leaseLeft: _, ...holder }) => ({ ...holder, count: 1 })),
      waiters,
      // The rate opens by itself.
      waitsFor: concurrency && holders.length >= concurrency ? "any" : "unknown",
      leaseLeft: holders.length > 0 ? Math.min(...holders.map(({ leaseLeft }) => leaseLeft)) : null,
      lease: null,
      state,
    };
  },
  makers: {
    rateLimiter: {
      of: "mp",
      form: "mp.rateLimiter(name, { max, per, kind, concurrency })",
      most: 2,
      options: { 1: optionsOf<RateLimiterSettings>({ max: true, per: true, kind: true, concurrency: true }) },
    },
  },
  waits: [{ of: "limiter", handles: RateLimiter, methods: { take: [PATIENCE_TEXT], run: ["body", PATIENCE_TEXT] } }],
  methods: { take: "asks", run: "asks", change: "asks", inspect: "looks" },
  // Returns the places of ended sessions, removes their waiters, and calls the next one when a waiter did not come.
  reaper: `(function()
${RATE_LIMITER}
${leasedReaper("rate-limiter")}
return {
  look = function(prefix, name, now)
    local claim = reaper.look(prefix, name, now)
    local due = due_of_first(prefix, name)
    local looks_at = due and math.max(now + 1, now + math.ceil(due / 1000))
    return claim and looks_at and math.min(claim, looks_at) or claim or looks_at
  end,
  leave = function(prefix, name, session, now)
    reaper.leave(prefix, name, session, now)
    due_of_first(prefix, name)
  end,
  remove = function(prefix, name)
    redis.call("DEL", starts_of((queue_keys(prefix, name))))
    reaper.remove(prefix, name)
  end,
}
end)()`,
};
