/** The headings of a version in CHANGELOG.md, in their order; the text of a changeset begins with one of them. */
const HEADINGS = ["Added", "Changed", "Fixed", "Removed"];

export interface Release {
  version: string;
  date: Date;
  /** The texts of the changesets. */
  summaries: readonly string[];
}

/**
 * CHANGELOG.md after a release: what stood under "Unreleased" and the texts of the changesets are that of the version.
 * @throws Error a text that says not what kind of change it is
 */
export function releaseChangelog(changelog: string, { version, date, summaries }: Release): string {
  const start = changelog.indexOf("## Unreleased\n");
  if (start < 0) throw new Error('CHANGELOG.md has no heading "## Unreleased"');
  const end = changelog.indexOf("\n## ", start + 1);
  const unreleased = end < 0 ? changelog.slice(start) : changelog.slice(start, end + 1);
  const rest = end < 0 ? "" : changelog.slice(end + 1);
  const entries = entriesOf(unreleased);
  for (const summary of summaries) fileEntry(entries, summary);
  const sections = HEADINGS.filter((heading) => (entries.get(heading) ?? []).length > 0).map(
    (heading) => `### ${heading}\n\n${entries.get(heading)?.join("\n")}\n\n`,
  );
  const title = `## ${version} (${date.toISOString().slice(0, 10)})`;
  return `${changelog.slice(0, start)}## Unreleased\n\n${title}\n\n${sections.join("")}${rest}`;
}

/** The lines of each heading. */
function entriesOf(section: string): Map<string, string[]> {
  const parts = section.split(/^### /m).slice(1);
  return new Map(
    parts.map((part) => {
      const [heading = "", ...lines] = part.trim().split("\n");
      return [heading.trim(), [lines.join("\n").trim()]];
    }),
  );
}

function fileEntry(entries: Map<string, string[]>, summary: string): void {
  const [, heading = "", text = ""] = /^(\w+): ([\s\S]*)$/.exec(summary.trim()) ?? [];
  if (!HEADINGS.includes(heading)) {
    throw new Error(`a changeset begins with ${HEADINGS.map((one) => `"${one}: "`).join(", ")}; got "${summary}"`);
  }
  // Further lines of the text belong to the point.
  const point = `- ${text.trim().replaceAll("\n", "\n  ")}`;
  entries.set(heading, [...(entries.get(heading) ?? []), point]);
}
