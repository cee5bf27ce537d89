import {
  DEFAULT_NAMESPACE,
  DEFAULT_REDIS_URL,
  resolveNamespace,
  settingIn,
  trimSetting,
} from "@manyhands/core/internal";
import type { Command } from "commander";
import { UsageError } from "../failure/usage-error.ts";
import { FORMATS, type OutputFormat } from "../output/output-format.ts";
import { contextsPath, describeContexts, readContexts } from "./contexts.ts";

/** A value, and what decided it. */
export interface Setting<Value> {
  value: Value;
  /** For example `--redis`, `MANYHANDS_REDIS_URL`, `context "prod" of <file>`, `default`. */
  source: string;
  /** What a file of options for a host says wins over it: the current context, as the defaults. */
  yields?: true;
}

/** What every command can be told. */
export interface Settings {
  /** Name of the context in use; null = none. */
  context: Setting<string | null>;
  redis: Setting<string>;
  namespace: Setting<string>;
  output: Setting<OutputFormat>;
  verbose: Setting<boolean>;
}

/**
 * Options given before the command's name hold for it too; those after it win. A context that the command line names wins over
 * the environment; one that is current, or named by the environment, does not.
 */
export function resolveSettings(command: Command, environment: NodeJS.ProcessEnv = process.env): Settings {
  const given = givenOptions(command);
  const option = (name: string): Setting<string> | undefined =>
    given[name] === undefined ? undefined : { value: trimSetting(String(given[name])), source: `--${name}` };
  const fallback = <Value>(value: Value): Setting<Value> => ({ value, source: "default" });
  const context = contextInForce(option("context"), environment);
  const asked = (part: "redis" | "namespace"): Setting<string> | undefined =>
    context.isAsked ? context[part] : undefined;
  const settings = {
    context: context.setting,
    redis:
      option("redis") ??
      asked("redis") ??
      settingIn(environment, "MANYHANDS_REDIS_URL", "REDIS_URL") ??
      context.redis ??
      fallback(DEFAULT_REDIS_URL),
    namespace:
      option("namespace") ??
      asked("namespace") ??
      settingIn(environment, "MANYHANDS_NAMESPACE") ??
      context.namespace ??
      fallback(DEFAULT_NAMESPACE),
    output: option("output") ?? fallback("table"),
    verbose:
      given["verbose"] === true
        ? { value: true, source: "--verbose" }
        : { value: Boolean(environment["DEBUG"]), source: environment["DEBUG"] ? "DEBUG" : "default" },
  };
  checkFormat(settings.output.value);
  checkNamespace(settings.namespace);
  return settings as Settings;
}

interface ContextInForce {
  setting: Setting<string | null>;
  redis?: Setting<string>;
  namespace?: Setting<string>;
  /** The command line names it. */
  isAsked: boolean;
}

/** @throws UsageError where there is no context of that name, or the file is wrong */
function contextInForce(option: Setting<string> | undefined, environment: NodeJS.ProcessEnv): ContextInForce {
  const path = contextsPath(environment);
  const named = option ?? settingIn(environment, "MANYHANDS_CONTEXT");
  const file = readContexts(path);
  const name = named?.value ?? file.current;
  if (name === null) return { setting: { value: null, source: "default" }, isAsked: false };
  const place = Object.hasOwn(file.contexts, name) ? file.contexts[name] : undefined;
  if (place === undefined) {
    throw new UsageError(`${named?.source}: there is no context "${name}": ${describeContexts(name, file, path)}`);
  }
  const isAsked = option !== undefined;
  const from = `context "${name}" of ${path}`;
  const part = (value: string | undefined): Setting<string> | undefined =>
    value === undefined ? undefined : { value, source: from, ...(isAsked ? {} : { yields: true as const }) };
  const [redis, namespace] = [part(place.redis), part(place.namespace)];
  return {
    setting: { value: name, source: named?.source ?? path },
    ...(redis && { redis }),
    ...(namespace && { namespace }),
    isAsked,
  };
}

function givenOptions(command: Command): Record<string, unknown> {
  const chain: Command[] = [];
  for (let one: Command | null = command; one; one = one.parent) chain.unshift(one);
  return Object.assign({}, ...chain.map((one) => one.opts()));
}

function checkFormat(format: string): void {
  if ((FORMATS as readonly string[]).includes(format)) return;
  throw new UsageError(`--output must be one of ${FORMATS.join(", ")}; got "${format}"`);
}

function checkNamespace({ value, source }: Setting<string>): void {
  try {
    resolveNamespace(value);
  } catch (error) {
    throw new UsageError(`${source}: ${(error as Error).message}`, { cause: error });
  }
}
