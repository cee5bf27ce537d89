export { type PoolPatch, PoolRegistry } from "./pool-registry.ts";
