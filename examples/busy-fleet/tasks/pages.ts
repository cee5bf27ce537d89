import { currentTask, task } from "@manyhands/core";
import { ask } from "../addresses.ts";

interface Page {
  link: { href: string };
}

/** Reads a page of a supplier. Some pages have no link, which it does not expect. */
export const fetchPage = task(
  "page.fetch",
  async (supplier: number) => {
    const page = (await (await ask(`/pages/${supplier}`)).json()) as Page;
    currentTask().log(`read the page of supplier ${supplier}`);
    return page.link.href;
  },
  { isolation: "inline" },
);
