import type { RedisConfig } from "@manyhands/core";
import { ValueError } from "@manyhands/core/child";

/**
 * What a module says of where Redis is: its default export, or what that returns where it is a function. Loaded by the host
 * and by each child, so that it may have functions, which cannot be sent from one to the other.
 *
 * @throws ValueError naming the module that cannot be loaded or exports nothing of use
 */
export async function loadRedisModule(url: string): Promise<RedisConfig> {
  let config: unknown;
  try {
    const { default: given } = (await import(url)) as { default?: unknown };
    config = typeof given === "function" ? await (given as () => unknown)() : given;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ValueError(`redisModule ${url} could not be loaded: ${reason}`, { cause: error });
  }
  if (typeof config === "string" || (typeof config === "object" && config !== null)) return config as RedisConfig;
  throw new ValueError(
    `redisModule ${url} must export by default what the option redis takes, or a function that returns it; got ${typeof config}`,
  );
}
