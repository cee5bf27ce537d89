import { atEnd } from "./cleanup.ts";
import { DelayProxy } from "./delay-proxy.ts";

/** A distance before the Redis at `url`, taken away at the end of the test. @param distance - Milliseconds each way. */
export async function useDelayProxy(url: string, distance: number): Promise<DelayProxy> {
  const proxy = await DelayProxy.start(url, distance);
  atEnd(() => proxy.close());
  return proxy;
}
