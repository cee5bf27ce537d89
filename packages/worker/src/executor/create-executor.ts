import { compileCacheFolder } from "./compile-cache.ts";
import type { Executor } from "./executor.ts";
import type { CreateExecutorOptions, ExecutorOptions } from "./executor-options.ts";
import { InlineExecutor } from "./inline-executor.ts";
import { ProcessExecutor } from "./process-executor.ts";
import { ThreadExecutor } from "./thread-executor.ts";

/** Starts a child; `loaded` says when it is ready. */
export function createExecutor(options: CreateExecutorOptions): Executor {
  const { isolation, modules, hostName, hostId, connection, redisModule, lockNodes, namespace, tellsFiles, ...others } =
    options;
  const { compileCache = compileCacheFolder(), ...rest } = others;
  const executorOptions: ExecutorOptions = {
    ...rest,
    load: { modules, hostName, hostId, connection, redisModule, lockNodes, namespace, tellsFiles, compileCache },
  };
  switch (isolation) {
    case "process":
      return new ProcessExecutor(executorOptions);
    case "thread":
      return new ThreadExecutor(executorOptions);
    case "inline":
      return new InlineExecutor(executorOptions);
  }
}
