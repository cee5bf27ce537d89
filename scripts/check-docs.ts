// `pnpm check docs`: what the pages say is there. Links, anchors, file paths and commands exist, and every `ts` block
// compiles against the built packages (`ts fragment` does not have to; `ts run` is also run, by the tests). No line of
// prose is longer than 120 columns, figures that come from the code are as there (`quoted-constants.ts`),
// docs/errors.md is what its script makes, and the site has a place for each page.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { promisify } from "node:util";
import { navigationPages } from "../site/navigation.ts";
import { sitePages } from "../site/pages.ts";
import { blocks, pages, read, type Snippet, snippets } from "./docs.ts";
import { ERRORS_PAGE, errorsPage } from "./errors-page.ts";
import { constantOf, MARK, quoteComplaints } from "./quoted-constants.ts";
import { ROOT } from "./root.ts";

/** Commands of pnpm itself that a page may name beside the scripts of package.json. */
const PNPM_COMMANDS = ["add", "create", "dlx", "exec", "install", "link", "pack", "publish", "run", "store", "why"];
const TOP_LEVEL = readdirSync(ROOT).filter((name) => name !== "node_modules");
const SCRIPTS = Object.keys((JSON.parse(read("package.json")) as { scripts: Record<string, string> }).scripts);
/** The packages resolve as for a user of the workspace: by name, from dist. */
const SNIPPET_OPTIONS = {
  extends: "../../tsconfig.base.json",
  compilerOptions: {
    customConditions: [],
    noEmit: true,
    composite: false,
    declaration: false,
    isolatedDeclarations: false,
    sourceMap: false,
  },
  include: ["**/*.ts"],
};

const all = pages();
const complaints = [linkComplaints, pathComplaints, commandComplaints, widthComplaints, figureComplaints].flatMap(
  (of) => all.flatMap(of),
);
complaints.push(...siteComplaints());
complaints.push(...(await typeComplaints(all.flatMap(snippets))));
if (read(ERRORS_PAGE) !== errorsPage()) complaints.push(`${ERRORS_PAGE}: out of date; write it with: pnpm fix`);
for (const complaint of complaints) console.log(complaint);
console.log(`${all.length} pages, ${all.flatMap(snippets).length} snippets read`);
process.exitCode = complaints.length > 0 ? 1 : 0;

function linkComplaints(page: string): string[] {
  return [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].flatMap((match) => {
    const [target = "", anchor] = (match[1] ?? "").split("#");
    if (/^[a-z]+:/i.test(target)) return [];
    const file = target === "" ? page : normalize(join(dirname(page), target));
    if (!existsSync(join(ROOT, file))) return [`${place(page, match.index)}: the link ${match[1]} leads nowhere`];
    if (anchor === undefined || !file.endsWith(".md") || anchors(file).includes(anchor)) return [];
    return [`${place(page, match.index)}: ${file} has no heading #${anchor}`];
  });
}

/** Paths in `code` that begin with a file or folder of the workspace. Patterns and placeholders are let through. */
function pathComplaints(page: string): string[] {
  return [...prose(page).matchAll(/`([^`\n]+)`/g)].flatMap((match) => {
    const path = (match[1] ?? "").replace(/[:#]\d+$/, "").replace(/\/$/, "");
    const looksLikePath = /^\.?[\w@.-]+(\/[\w@.-]+)+$/.test(path) || /^[\w.-]+\.(md|json|jsonc|yaml|yml)$/.test(path);
    if (!looksLikePath || !TOP_LEVEL.includes(path.split("/")[0] ?? "")) return [];
    if (/(^|\/)(dist|node_modules|\.cache)(\/|$)/.test(path) || existsSync(join(ROOT, path))) return [];
    return [`${place(page, match.index)}: there is no ${path}`];
  });
}

function commandComplaints(page: string): string[] {
  const text = read(page);
  const shell = blocks(page).filter((block) => /^(sh|bash|console|)$/.test(block.language));
  const code = [
    ...shell.map((block) => block.code),
    ...[...prose(page).matchAll(/`([^`\n]+)`/g)].map((m) => m[1] ?? ""),
  ];
  const named = code.flatMap((one) =>
    [...one.matchAll(/\bpnpm(?:@\d+)? (?:run )?([a-z][\w:-]*)/g)].map((m) => m[1] ?? ""),
  );
  return [...new Set(named)]
    .filter((name) => !SCRIPTS.includes(name) && !PNPM_COMMANDS.includes(name))
    .map(
      (name) =>
        `${place(page, text.search(new RegExp(`pnpm(@\\d+)? (run )?${name}`)))}: there is no command pnpm ${name}`,
    );
}

function figureComplaints(page: string): string[] {
  return quoteComplaints(prose(page), constantOf).map(({ index, what }) => `${place(page, index)}: ${what}`);
}

/** The site's navigation has each page once, and no link of its pages leads to a page that the site lacks. */
function siteComplaints(): string[] {
  const named = navigationPages().map(({ page }) => page);
  const wanted = all.filter((page) => page.startsWith("docs/") || !page.includes("/"));
  const complaints = [
    ...named.filter((page) => !existsSync(join(ROOT, page))).map((page) => `site/navigation.ts: there is no ${page}`),
    ...named.filter((page, index) => named.indexOf(page) < index).map((page) => `site/navigation.ts: ${page} twice`),
    ...wanted.filter((page) => !named.includes(page)).map((page) => `${page}: has no place in site/navigation.ts`),
  ];
  return complaints.length > 0 ? complaints : sitePages().complaints;
}

/** A row of a table cannot be broken, nor a link or a line of a program. */
function widthComplaints(page: string): string[] {
  const lines = prose(page).replaceAll(MARK, "").split("\n");
  return lines.flatMap((line, index) => {
    if ([...line.trimEnd()].length <= 120 || /^\s*\||^\S+$|^\[|^!\[/.test(line)) return [];
    return [`${page}:${index + 1}: the line has more than 120 columns`];
  });
}

/** What the compiler says of the snippets, each chapter in a folder of its own. */
async function typeComplaints(found: readonly Snippet[]): Promise<string[]> {
  const folder = join(ROOT, ".cache/docs");
  rmSync(folder, { recursive: true, force: true });
  if (found.length === 0) return [];
  for (const one of found) {
    mkdirSync(join(folder, one.chapter), { recursive: true });
    // A module even when it neither imports nor exports, so that two snippets may use one name.
    writeFileSync(join(folder, one.chapter, one.name), `${one.code}export {};\n`);
  }
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(SNIPPET_OPTIONS));
  try {
    await promisify(execFile)(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", folder], {
      cwd: folder,
    });
    return [];
  } catch (error) {
    const { stdout } = error as { stdout: string };
    return [withPages(stdout, found).trimEnd()];
  }
}

/** The compiler's places, written as places in the pages. */
function withPages(output: string, found: readonly Snippet[]): string {
  return output.replace(/^([\w-]+)\/([\w.-]+)\((\d+),\d+\)/gm, (whole, ...[chapter, name, line]) => {
    const one = found.find((snippet) => snippet.chapter === chapter && snippet.name === name);
    return one === undefined ? whole : `${one.page}:${one.line + Number(line) - 1}`;
  });
}

/** The page with its fenced blocks blanked out, so that places stay the same. */
function prose(page: string): string {
  return read(page).replace(/^(`{3,})[\s\S]*?^\1[ \t]*$/gm, (block) => block.replace(/[^\n]/g, " "));
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchors(page: string): string[] {
  return [...prose(page).matchAll(/^#+ +(.*)$/gm)].map((match) =>
    (match[1] ?? "")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replaceAll(" ", "-"),
  );
}

function place(page: string, index: number): string {
  return `${page}:${readFileSync(join(ROOT, page), "utf8").slice(0, index).split("\n").length}`;
}
