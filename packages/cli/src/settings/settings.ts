import {
  DEFAULT_NAMESPACE,
  DEFAULT_REDIS_URL,
  resolveNamespace,
  settingIn,
  trimSetting,
} from "@manyhands/core/internal";
import type { Command } from "commander";
import { UsageError } from "../failure/usage-error.ts";
import type { OutputFormat } from "../output/output-format.ts";

/** A value, and what decided it. */
export interface Setting<Value> {
  value: Value;
  /** For example `--redis`, `MANYHANDS_REDIS_URL`, `default`. */
  source: string;
}

/** What every command can be told. */
export interface Settings {
  redis: Setting<string>;
  namespace: Setting<string>;
  output: Setting<OutputFormat>;
  verbose: Setting<boolean>;
}

const FORMATS: readonly OutputFormat[] = ["table", "json", "ndjson"];

/** Options given before the command's name hold for it too; those after it win. */
export function resolveSettings(command: Command, environment: NodeJS.ProcessEnv = process.env): Settings {
  const given = givenOptions(command);
  const option = (name: string): Setting<string> | undefined =>
    given[name] === undefined ? undefined : { value: trimSetting(String(given[name])), source: `--${name}` };
  const fallback = <Value>(value: Value): Setting<Value> => ({ value, source: "default" });
  const settings = {
    redis: option("redis") ?? settingIn(environment, "MANYHANDS_REDIS_URL", "REDIS_URL") ?? fallback(DEFAULT_REDIS_URL),
    namespace: option("namespace") ?? settingIn(environment, "MANYHANDS_NAMESPACE") ?? fallback(DEFAULT_NAMESPACE),
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
