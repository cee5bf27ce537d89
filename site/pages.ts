// Which pages of the repository the site has, where each one lies in it, and their text with links that fit there.
import { readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { ROOT } from "../scripts/root.ts";
import { HOME, navigationPages } from "./navigation.ts";

/** Of pages that need the room of the outline: the index of tasks, and those with diagrams. */
const WIDE = "---\npageType: doc-wide\noutline: false\n---\n\n";

/** A page as the generator reads it. */
export interface SitePage {
  /** Its path in the repository. */
  source: string;
  /** Its path below the folder of the generator's pages. */
  path: string;
  text: string;
}

/** A picture or another file that a page shows; paths as in {@link SitePage}. */
export interface SiteFile {
  source: string;
  path: string;
}

/** All pages of the navigation, the files that they show, and what is wrong: links to pages that the site lacks. */
export function sitePages(): { pages: SitePage[]; files: SiteFile[]; complaints: string[] } {
  const files = new Map<string, SiteFile>();
  const complaints: string[] = [];
  const known = new Set(navigationPages().map(({ page }) => page));
  const pages = [...known].map((source) => {
    const text = withLinks(readFileSync(join(ROOT, source), "utf8"), (target) => {
      const file = normalize(join(dirname(source), target));
      if (!known.has(file)) {
        if (file.endsWith(".md"))
          complaints.push(`${source}: ${target} is no page of the site; see site/navigation.ts`);
        if (!file.startsWith("docs/")) return undefined;
        files.set(file, { source: file, path: sitePath(file) });
      }
      const path = relative(dirname(sitePath(source)), sitePath(file));
      return path.startsWith(".") ? path : `./${path}`;
    });
    const isWide = source === HOME || text.includes("```mermaid");
    return { source, path: sitePath(source), text: isWide ? WIDE + text : text };
  });
  return { pages, files: [...files.values()], complaints };
}

/** Where a file of the repository lies in the site. */
export function sitePath(file: string): string {
  if (file === HOME) return "index.md";
  if (file.startsWith("docs/")) return file.slice("docs/".length).replace(/(^|\/)README\.md$/, "$1index.md");
  if (!file.includes("/")) return `project/${file.toLowerCase()}`;
  // packages/core/src/session/README.md, .changeset/README.md: the page of that folder.
  return `project/${dirname(file).split("/").at(-1)?.replace(/^\./, "")}.md`;
}

/** The address of a page, as the generator's configuration wants it. */
export function siteAddress(file: string): string {
  return `/${sitePath(file)
    .replace(/\.md$/, "")
    .replace(/(^|\/)index$/, "$1")}`;
}

/** The heading of a page, without marks. */
export function pageTitle(source: string): string {
  const heading = /^# +(.+)$/m.exec(readFileSync(join(ROOT, source), "utf8"))?.[1];
  if (heading === undefined) throw new Error(`${source} has no heading`);
  return heading.replaceAll("`", "");
}

/** The text with the targets of its relative links changed, outside of code; a link without a target becomes text. */
function withLinks(text: string, change: (target: string) => string | undefined): string {
  return text
    .split(/(^(?:`{3,})[\s\S]*?^`{3,}[ \t]*$|`[^`\n]+`)/m)
    .map((part, index) =>
      index % 2 === 1
        ? part
        : part.replace(/\]\(([^)\s#]+)(#[^)\s]*)?\)/g, (whole, target: string, anchor = "") =>
            /^[a-z]+:/i.test(target) ? whole : link(change(target), anchor),
          ),
    )
    .join("");
}

function link(target: string | undefined, anchor: string): string {
  return target === undefined ? "]" : `](${target}${anchor})`;
}
