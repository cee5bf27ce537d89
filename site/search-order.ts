import type { RspressPlugin } from "@rspress/core";

/**
 * The search shows few pages for a word, those first that have it in a heading. The reference has a heading for each
 * property of each type, so it would hide the pages that explain: here it counts with its methods alone, and after them.
 */
export function searchOrder(): RspressPlugin {
  return {
    name: "search-order",
    modifySearchIndexData(pages) {
      for (const page of pages.filter(isReference)) page.toc = page.toc.filter(({ text }) => text.endsWith("()"));
      pages.sort((one, other) => Number(isReference(one)) - Number(isReference(other)));
    },
  };
}

function isReference({ routePath }: { routePath: string }): boolean {
  return routePath.startsWith("/api/");
}
