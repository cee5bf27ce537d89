import { environmentSetting } from "@manyhands/core/internal";
import type { WorkerOptions } from "@manyhands/worker";
import { UsageError } from "../failure/usage-error.ts";
import type { HostFile } from "./host-file.ts";
import type { Settings } from "./settings.ts";

export interface HostOptionSources {
  /** Options of the command line; undefined = not given. */
  line: Partial<WorkerOptions>;
  file: HostFile | undefined;
  /** Where Redis is, and the namespace: of the command line, the environment, or by default. */
  settings: Pick<Settings, "redis" | "namespace">;
}

/**
 * The options of a host: the command line wins over the environment, that over the file, that over the defaults.
 * @throws UsageError where no place names task modules
 */
export function mergeHostOptions({ line, file, settings }: HostOptionSources): WorkerOptions {
  const { redis, redisModule, namespace, lockNodes, ...others } = file?.options ?? {};
  const given = Object.fromEntries(Object.entries(line).filter(([, value]) => value !== undefined));
  const merged: Partial<WorkerOptions> = { logLevel: "info", ...others, ...given };
  const isRedisInFile = isDefault(settings.redis) && (redis !== undefined || redisModule !== undefined);
  if (isRedisInFile) Object.assign(merged, redisModule === undefined ? { redis } : { redisModule });
  else merged.redis = settings.redis.value;
  merged.namespace = (isDefault(settings.namespace) ? namespace : undefined) ?? settings.namespace.value;
  // The environment is asked where there is no option.
  if (environmentSetting("MANYHANDS_LOCK_NODES") === undefined) merged.lockNodes ??= lockNodes;
  const { tasks } = merged;
  if (tasks !== undefined) return { ...merged, tasks };
  throw new UsageError(
    "required option '--tasks <module...>' not specified: name the modules that define tasks" +
      (file === undefined ? ", or a file with the options of the host (--config)" : `, here or in ${file.path}`),
  );
}

function isDefault({ source, yields }: { source: string; yields?: true }): boolean {
  return source === "default" || yields === true;
}
