import { randomBytes } from "node:crypto";
import { StateLostError, TimeoutError, ValueError } from "../../../errors/index.ts";
import { type Patience, waitForTurn } from "../../../session/waiting/index.ts";
import type { Milliseconds } from "../../../time/index.ts";
import { checkConcurrency, checkRate, describeRate, type RateKind } from "../../../wire/records/rate.ts";
import { Existence } from "../../object/existence.ts";
import {
  checkObjectName,
  type ObjectIdentity,
  type ObjectRuntime,
  ownLabel,
  RuntimeKey,
  SharedObject,
} from "../../object/index.ts";
import { allHeldLeases } from "../leased/index.ts";
import { HeldPlace, RateLimiterTurn } from "./held-place.ts";
import { changeLimiter } from "./rate-limiter-scripts.ts";
import { type RateLimiterState, readRateLimiter } from "./rate-limiter-state.ts";
import { StartTurn } from "./start-turn.ts";

/** What a rate limiter allows: a rate, a concurrency, or both. */
export interface RateLimiterSettings {
  /** At most so many starts in `per` ms, from 1. */
  max?: number | undefined;
  /** Milliseconds, from 1 to 30 days; with `max`. */
  per?: Milliseconds | undefined;
  /**
   * How starts are counted: `window` is never exceeded in any window of `per` ms, `bucket` allows a burst of `max`, then one
   * each `per / max` ms.
   * @defaultValue "window" up to a `max` of 1 000, "bucket" above it
   */
  kind?: RateKind | undefined;
  /** How many may run at once, from 1. */
  concurrency?: number | undefined;
}

/** About which limiters a program has been warned. */
const WARNED = new RuntimeKey<Set<string>>("warned of rate limiters");

/**
 * Lets programs on any number of machines start something so often, and so many at once. First come, first served.
 *
 * The rate is counted by Redis' clock. Places of a concurrency live on the lease of the program that holds them: those of a
 * dead program come back.
 */
export class RateLimiter extends SharedObject {
  override readonly kind: string = "rate-limiter";
  readonly #settings: RateLimiterSettings;
  readonly #existence: Existence;
  #isCompared = false;

  /** @internal */
  constructor(runtime: ObjectRuntime, identity: ObjectIdentity, settings: RateLimiterSettings) {
    super(runtime, identity);
    this.#settings = settings;
    this.#existence = new Existence(`rate limiter "${identity.name}"`);
  }

  /** @internal */
  protected override get settings(): RateLimiterSettings {
    return this.#settings;
  }

  /**
   * Waits until one more may start; `false` or `{ block: false }` = one look.
   * @returns its turn: `await using turn = await limiter.take();` gives back its place when the scope ends
   * @throws TimeoutError when that was not in time
   * @throws the signal's reason; StateLostError when the limiter is gone
   */
  async take(patience?: Patience): Promise<RateLimiterTurn> {
    const { session, room } = this.runtime;
    const { name } = this;
    // From now on places are released when the context closes.
    allHeldLeases(this.runtime);
    const holding = `${session.id}|${randomBytes(8).toString("hex")}`;
    const label = ownLabel();
    const settings = toArguments(this.#settings);
    const turn = new StartTurn(this.runtime, { name, holding, label, settings, existence: this.#existence });
    const got = await waitForTurn(room, turn, { patience, label }).catch((error) => {
      // Redis lost its data: the next call makes the limiter anew.
      if (error instanceof StateLostError) this.#existence.forget();
      throw error;
    });
    if (!this.#isCompared) this.#compare();
    if (got) return new RateLimiterTurn(got.value ? new HeldPlace(this.runtime, { name, holding }).kept() : undefined);
    throw new TimeoutError(
      `the rate limiter "${name}" allowed no start in time; try again, or with a longer timeout; inspect() says when it allows the next one`,
    );
  }

  /** Runs `body` when it may start, and gives its place back; a place that is lost meanwhile does not change the outcome. */
  async run<Value>(body: (turn: RateLimiterTurn) => Value | Promise<Value>, patience?: Patience): Promise<Value> {
    const turn = await this.take(patience);
    try {
      return await body(turn);
    } finally {
      await turn[Symbol.asyncDispose]();
    }
  }

  /**
   * What it allows from now on, for all programs, also for those that wait already.
   *
   * A rate of another kind begins anew, so that up to twice `max` may start in the time of the change.
   * @throws ValueError for what is no rate and no concurrency
   */
  async change(settings: RateLimiterSettings): Promise<void> {
    const checked = checkSettings(settings);
    const { client, keys, session, keepAlive } = this.runtime;
    const change = async (): Promise<void> => {
      if (!session.isStarted) await session.start();
      await changeLimiter.run(
        { client, operations: session.writes },
        [keys.object(this.kind, this.name)],
        [keys.prefix, this.name, ...toArguments(checked)],
      );
    };
    await keepAlive.during(change());
    this.#existence.confirm("there");
  }

  /** What it allows, what of it is used, who holds a place and who waits, at this moment. */
  async inspect(): Promise<RateLimiterState> {
    const state = await this.runtime.keepAlive.during(readRateLimiter(this.runtime, this.name));
    this.#existence.found(state !== null);
    if (state) return state;
    const { max, per, kind, concurrency } = this.#settings;
    const rate = { max: max ?? null, per: per ?? null, kind: kind ?? null, concurrency: concurrency ?? null };
    return { name: this.name, ...rate, used: 0, nextIn: 0, holders: [], waiters: [] };
  }

  /** Warns once when the limiter is another one than this program asks for. */
  #compare(): void {
    this.#isCompared = true;
    const warned = this.runtime.of(WARNED, () => new Set());
    if (warned.has(this.name)) return;
    warned.add(this.name);
    const compare = async (): Promise<void> => {
      const state = await readRateLimiter(this.runtime, this.name);
      const existing = state && describe(state);
      if (existing === null || existing === describe(this.#settings)) return;
      this.runtime.logger.warn(
        `the rate limiter "${this.name}" exists already, with ${existing}, and is used as it is; this program asked for ${describe(this.#settings)}; change it with change()`,
      );
    };
    compare().catch(() => {});
  }
}

/** Makes a handle for `mp.rateLimiter()`. @throws ValueError for a bad name or settings */
export function createRateLimiter(runtime: ObjectRuntime, name: string, settings: RateLimiterSettings): RateLimiter {
  const identity = { name: checkObjectName(name), owner: null };
  return new RateLimiter(runtime, identity, checkSettings(settings));
}

/** @throws ValueError */
function checkSettings(settings: RateLimiterSettings): RateLimiterSettings {
  const whose = "the rate limiter";
  const { max, per, kind, concurrency } = settings ?? {};
  const isSet = (value: unknown): boolean => value !== undefined && value !== null;
  const hasRate = isSet(max) || isSet(per) || isSet(kind);
  if (!hasRate && !isSet(concurrency)) {
    throw new ValueError(`${whose} needs a rate, { max, per }, or { concurrency }, or both`);
  }
  return {
    ...(hasRate && checkRate(whose, { max, per, kind })),
    ...(isSet(concurrency) && { concurrency: checkConcurrency(whose, concurrency) }),
  };
}

function toArguments({ max, per, kind, concurrency }: RateLimiterSettings): (string | number)[] {
  return [max ?? "", per ?? "", kind ?? "", concurrency ?? ""];
}

/** What a limiter allows, in words. */
export function describe({
  max,
  per,
  kind,
  concurrency,
}: { [Name in keyof RateLimiterSettings]?: RateLimiterSettings[Name] | null }): string {
  const rate = max ? [describeRate({ max, per, kind })] : [];
  return [...rate, ...(concurrency ? [`${concurrency} at once`] : [])].join(", ");
}
