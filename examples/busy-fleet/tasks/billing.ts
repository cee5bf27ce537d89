import { currentContext, currentTask, NonRetryableError, task } from "@manyhands/core";

/** Closes the ledger of a day, for which no goods may move in the warehouse. */
export const closeLedger = task("ledger.close", async (day: string, warehouse: string) => {
  const { signal, log } = currentTask();
  const mp = currentContext();
  await using _ledger = await mp.lock("ledger").hold({ signal });
  log(`the ledger of ${day} is closed as soon as nothing moves in ${warehouse}`);
  await using _warehouse = await mp.lock(`stock/${warehouse}`).hold({ signal });
  return `the ledger of ${day} is closed`;
});

/** Writes an amount into the ledger, unless its account is closed. */
export const post = task(
  "ledger.post",
  async (account: number, amount: bigint) => {
    if (account === 4711) throw new NonRetryableError(`account ${account} is closed since 2026-09-30`);
    const { signal } = currentTask();
    await using _ledger = await currentContext().lock("ledger").hold({ signal });
    return currentContext().manager("shop").dict<number, bigint>("accounts").set(account, amount);
  },
  { isolation: "inline", attempts: 5, backoff: 10_000 },
);

/** Puts an invoice into the archive, which is closed at the moment: its pool is paused. */
export const archive = task("invoice.archive", (invoice: number) => `invoice ${invoice} is in the archive`, {
  isolation: "inline",
});
