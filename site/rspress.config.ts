import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type SidebarGroup } from "@rspress/core";
import type { ApiEntry } from "./api-reference.ts";
import { remarkMermaid } from "./mermaid/remark-mermaid.ts";
import { NAVIGATION } from "./navigation.ts";
import { pageTitle, siteAddress } from "./pages.ts";
import { searchIndex } from "./search-index.ts";

const FOLDER = import.meta.dirname;
/** Made by build.ts, which starts the generator. */
const API = JSON.parse(readFileSync(join(FOLDER, ".cache/api.json"), "utf8")) as ApiEntry[];

export default defineConfig({
  root: join(FOLDER, ".cache/pages"),
  outDir: join(FOLDER, "dist"),
  base: process.env["SITE_BASE"] ?? "/",
  title: "manyhands",
  description: "Python's multiprocessing, for many machines, in TypeScript, on Redis.",
  icon: "/icon.svg",
  logo: "/icon.svg",
  logoText: "manyhands",
  lang: "en",
  globalStyles: join(FOLDER, "theme/site.css"),
  globalUIComponents: [join(FOLDER, "mermaid/diagrams.tsx")],
  markdown: {
    link: { checkDeadLinks: true, checkAnchors: true },
    image: { checkDeadImages: true },
    remarkPlugins: [remarkMermaid],
  },
  plugins: [searchIndex()],
  builderConfig: { performance: { printFileSize: false } },
  themeConfig: {
    nav: [
      { text: "I want to …", link: "/", activeMatch: "^/$" },
      { text: "Getting started", link: "/getting-started", activeMatch: "^/getting-started" },
      { text: "API", link: "/api/core/", activeMatch: "^/api/" },
      { text: "Errors", link: "/errors", activeMatch: "^/errors" },
      { text: "Changes", link: "/project/changelog", activeMatch: "^/project/changelog" },
    ],
    sidebar: {
      "/api/": [{ text: "All pages", link: "/" }, ...API.map(apiGroup)],
      "/": [...NAVIGATION.map(pageGroup)].flatMap((group) =>
        group.text === "Reference" ? [group, apiOverview()] : [group],
      ),
    },
  },
});

function pageGroup({ title, pages, collapsed = false }: (typeof NAVIGATION)[number]): SidebarGroup {
  return {
    text: title,
    collapsible: true,
    collapsed,
    items: pages.map((one) => {
      const { page, name } = typeof one === "string" ? { page: one, name: pageTitle(one) } : one;
      return { text: name, link: siteAddress(page) };
    }),
  };
}

function apiOverview(): SidebarGroup {
  return {
    text: "API reference",
    collapsible: true,
    items: API.map(({ name, address }) => ({ text: name, link: `/api/${address}` })),
  };
}

function apiGroup({ name, address, groups }: ApiEntry): SidebarGroup {
  return {
    text: name,
    link: `/api/${address}`,
    collapsible: true,
    collapsed: true,
    items: groups.map(({ title, members }) => ({
      text: title,
      collapsible: true,
      collapsed: true,
      items: members.map((one) => ({ text: one.name, link: `/api/${one.address}` })),
    })),
  };
}
