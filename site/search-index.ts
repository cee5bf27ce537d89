import type { RspressPlugin } from "@rspress/core";

type IndexedPage = Parameters<NonNullable<RspressPlugin["extendPageData"]>>[0];

/**
 * What the search knows of the pages.
 *
 * - It shows few pages for a word, those first that have it in a heading. The reference has a heading for each property of
 *   each type, so it would hide the pages that explain: here it counts with its methods alone, and after them.
 * - Results lead to files (`/locks.html`), as all links of the site do: not every web server completes `/locks`. The
 *   index is written between the two hooks; all else knows a page by its address without the ending.
 */
export function searchIndex(): RspressPlugin {
  const addresses = new Map<IndexedPage, string>();
  return {
    name: "search-index",
    modifySearchIndexData(pages) {
      for (const page of pages) {
        addresses.set(page, page.routePath);
        if (isReference(page)) page.toc = page.toc.filter(({ text }) => text.endsWith("()"));
        if (!page.routePath.endsWith("/")) page.routePath += ".html";
      }
      pages.sort((one, other) => Number(isReference(one)) - Number(isReference(other)));
    },
    extendPageData(page) {
      page.routePath = addresses.get(page) ?? page.routePath;
    },
  };
}

function isReference({ routePath }: IndexedPage): boolean {
  return routePath.startsWith("/api/");
}
