import { currentContext, task } from "@manyhands/core";
import { sleep } from "../../stage.ts";

/** How many pages the catalog of each supplier has. */
const SUPPLIERS: Readonly<Record<string, number>> = { "acme.example": 12, "globex.example": 4, "initech.example": 2 };

/** Reads a page of a catalog; no supplier wants more than one request at once, nor more than 20 in a minute. */
export const readCatalog = task(
  "catalog.read",
  async (supplier: string, page: number) => {
    await sleep(3_000);
    return `${supplier}, page ${page}`;
  },
  { isolation: "inline", limits: { concurrency: 1, rate: { max: 20, per: 60_000 }, key: (supplier) => supplier } },
);

/** Submits the pages of all catalogs. A schedule starts it. */
export const syncCatalogs = task(
  "catalog.sync",
  async () => {
    const mp = currentContext();
    for (const [supplier, pages] of Object.entries(SUPPLIERS)) {
      for (let page = 1; page <= pages; page += 1) await mp.submit(readCatalog, [supplier, page], { pool: "catalogs" });
    }
  },
  { isolation: "inline" },
);
