import { type DictProxy, type ListProxy, task } from "@manyhands/core";
import { here } from "../stage.ts";

export const share = task(
  "manager-dict-list.share",
  async (d: DictProxy<number | string, unknown>, l: ListProxy<number>) => {
    console.log(`adds to both, ${here()}`);
    await d.set(1, "1");
    await d.set(here(), process.pid);
    await l.append(process.pid);
  },
);
