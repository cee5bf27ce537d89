/*
With a semaphore and a clock for each site, in one process:

    async with limit[site], clock[site]:
        page = await fetch(url)
*/
import { type Context, type Pool, ValueError } from "@manyhands/core";
import { mostAtOnce, type Run, stage, verify, verifySpread } from "../stage.ts";
import { AT_ONCE, fetchPage, RATE, SITES, siteOf } from "./tasks.ts";

/** The start of a call is noted in its child, a moment after Redis has allowed it; the first ones wait for their children, ms. */
const JITTER = 300;

type Fetched = Awaited<ReturnType<typeof fetchPage>>;

await stage(async (mp) => {
  const total = Object.values(SITES).reduce((sum, pages) => sum + pages, 0);
  console.log(`crawling ${Object.keys(SITES).join(", ")}: ${AT_ONCE} at once and ${RATE.max} a second from each`);
  await using pool = mp.pool();
  const pages = await crawl(mp, pool, "https://big.example/0");

  verify(pages.length === total, `all ${total} pages were fetched, each of them once`);
  const bySite = Map.groupBy(pages, ({ value }) => siteOf(value.url));
  for (const [site, runs] of bySite) {
    const most = mostAtOnce(runs);
    console.log(`  ${site}: ${runs.length} pages, at most ${most} at once`);
    verify(most <= AT_ONCE, `never more than ${AT_ONCE} at once from ${site}`);
    verify(closest(runs) >= RATE.per - JITTER, `no ${RATE.max + 1} pages of ${site} in one second`);
  }
  const endOf = (site: string): number => Math.max(...(bySite.get(site) ?? []).map(({ ended }) => ended));
  verify(endOf("tiny.example") < endOf("big.example"), "the small sites did not wait for the big one");
  await expectRefusal(pool);
  await verifySpread(mp, pages);
});

/** Fetches a page and all that it leads to; what is near the beginning comes first. */
async function crawl(mp: Context, pool: Pool, start: string): Promise<Fetched[]> {
  const seen = new Set([start]);
  const pages: Fetched[] = [];
  let found = [start];
  for (let depth = 1; found.length > 0; depth += 1) {
    const results = found.map((url) => pool.applyAsync(fetchPage, [url], { priority: depth }));
    found = [];
    for await (const result of mp.asCompleted(results, { timeout: 60_000 })) {
      const page = await result.get();
      pages.push(page);
      for (const url of page.value.links) {
        if (seen.has(url)) continue;
        seen.add(url);
        found.push(url);
      }
    }
  }
  return pages;
}

/** The shortest time in which one page more was started than may be in a second, ms; Infinity: there were not so many. */
function closest(runs: readonly Run[]): number {
  const starts = runs
    .map(({ started }) => started)
    .sort((left, right) => left - right)
    .slice(RATE.max);
  return Math.min(...starts.slice(RATE.max).map((at, index) => at - (starts[index] ?? 0)));
}

/** An address of which no site can be told is refused where it is submitted. */
async function expectRefusal(pool: Pool): Promise<void> {
  const error: unknown = await pool.apply(fetchPage, ["nowhere"]).catch((refusal) => refusal);
  verify(error instanceof ValueError, `an address without a site is refused: ${(error as Error).message}`);
}
