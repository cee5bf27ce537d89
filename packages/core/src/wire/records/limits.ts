import { assertOptions, optionsOf } from "../../checks/index.ts";
import { got, ValueError } from "../../errors/index.ts";
import { checkConcurrency, checkRate, describeRate, type Rate } from "./rate.ts";

/** How much of a task, or of a pool, may start, over all hosts; with a `key`, for each key by itself. */
export interface Limits {
  /** How many may run at once, from 1. */
  concurrency?: number | undefined;
  /** How many may start in a time. */
  rate?: Rate | undefined;
  /**
   * Computes a text of 1 to 256 bytes from the arguments of a call, such as the tenant that it is for. Keys take turns.
   * @defaultValue all calls share one limit
   */
  // biome-ignore lint/suspicious/noExplicitAny: parameters are contravariant, so no narrower type accepts every function.
  key?: ((...args: any[]) => string) | undefined;
}

/** Limits as they are stored and announced. */
export interface LimitRule {
  concurrency?: number;
  rate?: Required<Rate>;
  /** Keys take turns. */
  keyed?: boolean;
}

const LIMITS = optionsOf<Limits>({ concurrency: true, rate: true, key: "function" });
const RULE = optionsOf<LimitRule>({ concurrency: true, rate: true, keyed: "boolean" });
/** Longest key, bytes. */
export const LONGEST_LIMIT_KEY = 256;

/**
 * Limits as they are stored.
 * @param whose - How the message begins.
 * @throws ValueError for what are none
 */
export function toLimitRule(whose: string, limits: unknown): LimitRule {
  return ruleOf(whose, limits, LIMITS);
}

/**
 * As {@link toLimitRule}, of limits without their code.
 * @throws ValueError for what are none
 */
export function checkLimitRule(whose: string, rule: unknown): LimitRule {
  return ruleOf(whose, rule, RULE);
}

/** As {@link toLimitRule}, of limits that came over the wire. @returns undefined for what are none */
export function readLimitRule(stored: unknown): LimitRule | undefined {
  try {
    return ruleOf("stored", stored, RULE);
  } catch {
    return undefined;
  }
}

function ruleOf(whose: string, limits: unknown, known: typeof LIMITS): LimitRule {
  if (typeof limits !== "object" || limits === null || Array.isArray(limits)) {
    throw new ValueError(`${whose}: limits must be { concurrency, rate, key }; got ${got(limits)}`);
  }
  assertOptions(`${whose}: limits`, limits, known);
  const { concurrency, rate, key, keyed } = limits as Limits & LimitRule;
  if (concurrency === undefined && rate === undefined) {
    const alone = key === undefined ? "" : "; a key alone limits nothing";
    throw new ValueError(`${whose}: limits need a concurrency, a rate, or both${alone}; got ${got(limits)}`);
  }
  return {
    ...(concurrency !== undefined && { concurrency: checkConcurrency(`${whose}: limits`, concurrency) }),
    ...(rate !== undefined && { rate: checkRate(`${whose}: limits.rate`, rate) }),
    ...((key !== undefined || keyed) && { keyed: true }),
  };
}

/**
 * The key of a call.
 * @throws what the function throws, as the cause of a ValueError; ValueError for what is no key
 */
export function limitKeyOf(task: string, key: NonNullable<Limits["key"]>, args: readonly unknown[]): string {
  let value: unknown;
  try {
    value = key(...args);
  } catch (error) {
    throw new ValueError(`the limits.key of task "${task}" threw: ${(error as Error)?.message ?? String(error)}`, {
      cause: error,
    });
  }
  if (value instanceof Promise) value.catch(() => {});
  return checkLimitKey(`the limits.key of task "${task}" must return`, value);
}

/**
 * @param rule - How the message begins: `limitKey must be`.
 * @throws ValueError for what is no key
 */
export function checkLimitKey(rule: string, value: unknown): string {
  const isText = typeof value === "string" && value !== "" && value.isWellFormed();
  if (isText && Buffer.byteLength(value) <= LONGEST_LIMIT_KEY) return value;
  const shown =
    typeof value === "string" && value.length > 64 ? `a text of ${Buffer.byteLength(value)} bytes` : got(value);
  throw new ValueError(`${rule} a text of 1 to ${LONGEST_LIMIT_KEY} bytes in UTF-8; got ${shown}`);
}

/** What a rule allows, in words. */
export function describeRule({ concurrency, rate, keyed }: LimitRule): string {
  const parts = [
    ...(concurrency === undefined ? [] : [`${concurrency} at once`]),
    ...(rate === undefined ? [] : [describeRate(rate)]),
  ];
  return parts.join(", ") + (keyed ? " for each key" : "");
}
