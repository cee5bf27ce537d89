import { currentContext, currentTask, type Event, task } from "@manyhands/core";

export interface Move {
  sku: string;
  from: string;
  to: string;
  quantity: number;
}

const lockOf = (warehouse: string) => currentContext().lock(`stock/${warehouse}`);

/**
 * Moves things between two warehouses. It takes the locks in the order of its arguments, so that two moves in opposite
 * directions can wait for each other.
 * @param counted - Waited for between the two: somebody has counted the shelf.
 */
export const move = task("stock.move", async ({ sku, from, to, quantity }: Move, counted?: Event) => {
  const { signal, log } = currentTask();
  await using _source = await lockOf(from).hold({ signal });
  log(`took ${from}: ${quantity} of ${sku} are to leave`);
  await counted?.wait({ signal });
  log(`waits for ${to}`);
  await using _target = await lockOf(to).hold({ signal });
  const stock = currentContext().manager("shop").dict<string, number>("stock");
  await stock.increment(`${from}/${sku}`, -quantity);
  return stock.increment(`${to}/${sku}`, quantity);
});

/** Counts a warehouse, in which nothing may move meanwhile. */
export const count = task(
  "stock.count",
  async (warehouse: string) => {
    const { signal } = currentTask();
    await using _warehouse = await lockOf(warehouse).hold({ signal });
    return currentContext().manager("shop").dict<string, number>("stock").length();
  },
  { isolation: "inline" },
);

/** Reserves a thing, and gives up soon: a customer waits. */
export const reserve = task(
  "stock.reserve",
  async (sku: string, warehouse: string) => {
    await using _warehouse = await lockOf(warehouse).hold({ timeout: 800 });
    return currentContext().manager("shop").dict<string, number>("stock").increment(`${warehouse}/${sku}`, -1);
  },
  { isolation: "inline" },
);
