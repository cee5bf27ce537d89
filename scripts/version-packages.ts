// `pnpm version-packages`: makes a version of what `pnpm changeset` has collected. Changesets raises the versions; all
// packages have one changelog, so the texts go there and not into one a package. Publishes nothing and commits nothing.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { releaseChangelog } from "./changelog.ts";
import { ROOT } from "./root.ts";
import { succeeds } from "./run-vitest.ts";

interface Plan {
  changesets: { summary: string }[];
  releases: { name: string; newVersion: string }[];
}

const plan = readPlan();
const version = plan.releases[0]?.newVersion;
if (version === undefined) {
  console.log("nothing to release: there is no changeset; write one with pnpm changeset");
} else {
  const path = join(ROOT, "CHANGELOG.md");
  const summaries = plan.changesets.map(({ summary }) => summary);
  // Made first: a text that cannot be filed stops it all.
  const changelog = releaseChangelog(readFileSync(path, "utf8"), { version, date: new Date(), summaries });
  changesets(["version"]);
  writeFileSync(path, changelog);
  console.log(`${version}: read CHANGELOG.md, then commit`);
}

/** What the changesets come to. */
function readPlan(): Plan {
  const folder = mkdtempSync(join(tmpdir(), "manyhands-release-"));
  try {
    const file = join(folder, "plan.json");
    changesets(["status", "--output", file]);
    return JSON.parse(readFileSync(file, "utf8")) as Plan;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function changesets(words: readonly string[]): void {
  if (!succeeds("node_modules/@changesets/cli/bin.js", words)) process.exit(1);
}
