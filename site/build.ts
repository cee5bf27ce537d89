// Makes the site: the API reference, the pages with links that fit there, then the generator. The address below
// which it will be served comes from SITE_BASE.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "../scripts/root.ts";
import { writeApiReference } from "./api-reference.ts";
import { sitePages } from "./pages.ts";

const FOLDER = import.meta.dirname;
const PAGES = join(FOLDER, ".cache/pages");

rmSync(PAGES, { recursive: true, force: true });
const { pages, files, complaints } = sitePages();
if (complaints.length > 0) throw new Error(complaints.join("\n"));
for (const { path, text } of pages) write(join(PAGES, path), text);
for (const { source, path } of files) {
  mkdirSync(dirname(join(PAGES, path)), { recursive: true });
  copyFileSync(join(ROOT, source), join(PAGES, path));
}
mkdirSync(join(PAGES, "public"), { recursive: true });
copyFileSync(join(FOLDER, "theme/icon.svg"), join(PAGES, "public/icon.svg"));

const api = await writeApiReference(join(PAGES, "api"));
write(join(FOLDER, ".cache/api.json"), JSON.stringify(api));

const { status } = spawnSync(process.execPath, [join(FOLDER, "node_modules/@rspress/core/bin/rspress.js"), "build"], {
  cwd: FOLDER,
  stdio: "inherit",
});
process.exitCode = status ?? 1;

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
