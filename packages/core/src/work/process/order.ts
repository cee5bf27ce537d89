import { shared } from "../../package/index.ts";
import type { ProcessOrder } from "../../wire/records/process.ts";

/** What this operating-system process was made for, if it is a process. */
const inside: { order: ProcessOrder | null; host: string } = shared("manyhands.processOrder", () => ({
  order: null,
  host: "",
}));

/** From now on this operating-system process is that process, on the host of that name. For worker hosts. */
export function enterProcess(order: ProcessOrder, host: string): void {
  inside.order = order;
  inside.host = host;
}

/** What this process was started as; null in a program of your own and in a task of a pool. */
export function currentOrder(): ProcessOrder | null {
  return inside.order;
}

/** Name of the worker host of this process; "" outside a process. */
export function orderedOn(): string {
  return inside.host;
}
