/*
With a semaphore and a clock for each site, in one process:

    async with limit[site], clock[site]:
        page = await fetch(url)
*/
import { type Context, type Pool, type Queue, ValueError } from "@manyhands/core";
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
  await expectRefusal(mp, pool);
  await verifySpread(mp, pages);
});

/** Fetches a page and all that it leads to; what is near the beginning comes first. */
async function crawl(mp: Context, pool: Pool, start: string): Promise<Fetched[]> {
  // Tasks on all hosts put there what they find. An address that waits in it is refused.
  const frontier = mp.queue<string>();
  await frontier.put(start, { unique: start });
  const seen = new Set<string>();
  const pages: Fetched[] = [];
  for (let depth = 1; ; depth += 1) {
    const found = (await takeAll(frontier)).filter((url) => !seen.has(url));
    if (found.length === 0) break;
    for (const url of found) seen.add(url);
    const results = found.map((url) => pool.applyAsync(fetchPage, [url, frontier], { priority: depth }));
    for await (const result of mp.asCompleted(results, { timeout: 60_000 })) pages.push(await result.get());
  }
  const refused = pages.reduce((sum, { value }) => sum + value.refused, 0);
  verify(refused > 0, `${refused} links were not queued again, as the address was in the queue`);
  return pages;
}

async function takeAll(queue: Queue<string>): Promise<string[]> {
  const items: string[] = [];
  while (!(await queue.empty())) items.push(await queue.get());
  return items;
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
async function expectRefusal(mp: Context, pool: Pool): Promise<void> {
  const error: unknown = await pool.apply(fetchPage, ["nowhere", mp.queue<string>()]).catch((refusal) => refusal);
  verify(error instanceof ValueError, `an address without a site is refused: ${(error as Error).message}`);
}
