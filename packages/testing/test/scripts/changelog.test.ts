import { expect, test } from "vitest";
import { releaseChangelog } from "../../../../scripts/changelog.ts";

const BEFORE = `# Changelog

## Unreleased

### Added

- A page
  of two lines.

### Fixed

- A wait.

## 0.1.0

The first version.
`;

const AFTER = `# Changelog

## Unreleased

## 0.2.0 (2026-11-29)

### Added

- A page
  of two lines.
- \`mp.tasks\` finds by tag,
  also of old tasks.

### Changed

- A name.

### Fixed

- A wait.

## 0.1.0

The first version.
`;

test("a release has what stood under Unreleased and the texts of the changesets, each under its heading", () => {
  const summaries = ["Changed: A name.", "Added: `mp.tasks` finds by tag,\nalso of old tasks."];
  expect(releaseChangelog(BEFORE, { version: "0.2.0", date: new Date("2026-11-29T12:00:00Z"), summaries })).toBe(AFTER);
});

test("a changeset that says no kind of change stops the release", () => {
  const release = { version: "0.2.0", date: new Date(), summaries: ["A page."] };
  expect(() => releaseChangelog(BEFORE, release)).toThrow(/begins with "Added: ".*; got "A page\."$/);
});
