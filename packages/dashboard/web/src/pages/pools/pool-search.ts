/** By what the list of pools can be sorted. */
export const POOL_ORDERS = ["name", "running", "oldest", "waiting", "delayed", "run", "failed"] as const;
export type PoolOrder = (typeof POOL_ORDERS)[number];

/** How the list of pools stands in the address. */
export interface PoolsSearch {
  /** Part of a name. */
  q?: string;
  show?: "stuck" | "unnamed";
  /** An order; with a minus the other way round. */
  sort?: PoolOrder | `-${PoolOrder}`;
}

export function poolsSearch(search: Record<string, unknown>): PoolsSearch {
  const { q, show, sort } = search;
  const order = String(sort ?? "");
  const isOrder = (POOL_ORDERS as readonly string[]).includes(order.replace(/^-/, ""));
  return {
    ...(q !== undefined && q !== "" && { q: String(q) }),
    ...((show === "stuck" || show === "unnamed") && { show }),
    ...(isOrder && { sort: order as PoolOrder }),
  };
}
