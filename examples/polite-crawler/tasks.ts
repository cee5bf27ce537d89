import { type Queue, task } from "@manyhands/core";
import { noted, sleep } from "../stage.ts";

/** Pages of a small web: each site has so many, and a page links to the next two of its site and to the first of another. */
export const SITES: Readonly<Record<string, number>> = { "big.example": 40, "small.example": 6, "tiny.example": 3 };

/** What each site allows: two at once, and eight starts in any second. */
export const AT_ONCE = 2;
export const RATE = { max: 8, per: 1_000 } as const;

export function siteOf(url: string): string {
  return new URL(url).host;
}

function linksOf(url: string): string[] {
  const site = siteOf(url);
  const page = Number(new URL(url).pathname.slice(1));
  const sites = Object.keys(SITES);
  const other = sites[(sites.indexOf(site) + 1) % sites.length] ?? site;
  const next = [page + 1, page + 2].filter((number) => number < (SITES[site] ?? 0));
  return [...next.map((number) => `https://${site}/${number}`), `https://${other}/0`];
}

/** Fetches a page, as politely as its site wishes, from whichever host, and queues what it links to. */
export const fetchPage = task(
  "polite-crawler.fetch",
  (url: string, frontier: Queue<string>) =>
    noted(async () => {
      await sleep(30);
      const queued = await Promise.all(linksOf(url).map((link) => frontier.put(link, { unique: link })));
      return { url, refused: queued.filter((isQueued) => !isQueued).length };
    }),
  { limits: { concurrency: AT_ONCE, rate: RATE, key: (url: string) => siteOf(url) } },
);
