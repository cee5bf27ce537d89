// docs/errors.md is made from the docstrings of the error classes: `node scripts/errors-page.ts` writes it (so does
// `pnpm fix`), and `pnpm check docs` refuses one that is out of date.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { read } from "./docs.ts";
import { ROOT } from "./root.ts";

export const ERRORS_PAGE = "docs/errors.md";
const SOURCE = "packages/core/src/errors/errors.ts";

interface ErrorEntry {
  name: string;
  base: string;
  code: string;
  meaning: string;
  cause: string;
  remedy: string;
}

const HEAD = `<!-- Made from ${SOURCE} by scripts/errors-page.ts: change it there. -->
# Errors

Every error of manyhands is a \`ManyhandsError\` with a stable \`code\`. Branch on the class or on the code, never on the
text of the message. An error that a task throws reaches its caller as the class it was thrown as, if the caller knows
that class ([registerError](tasks.md)), with the stack of the process that threw it.
`;

/** The whole page. */
export function errorsPage(): string {
  const entries = errorEntries(read(SOURCE));
  const rows = entries.map(({ name, code }) => `| \`${code}\` | [${name}](#${name.toLowerCase()}) |`);
  const parts = entries.map(
    ({ name, base, code, meaning, cause, remedy }) =>
      `## ${name}\n\n\`${code}\`${base === "Error" ? "" : `, a \`${base}\``}. ${meaning}\n\n**Cause.** ${cause}\n\n**What to do.** ${remedy}\n`,
  );
  return [HEAD, ["| code | class |", "|---|---|", ...rows, ""].join("\n"), ...parts.map(wrapped)].join("\n");
}

/** @throws Error for a class without a cause or a remedy */
function errorEntries(source: string): ErrorEntry[] {
  const pattern = /\/\*\*((?:(?!\*\/)[\s\S])*?)\*\/\nexport class (\w+) extends (\w+) \{([\s\S]*?)\n\}/g;
  const entries = [...source.matchAll(pattern)].map(([, comment = "", name = "", base = "", body = ""]) => {
    const text = comment.replace(/^\s*\* ?/gm, "");
    const [meaning = "", cause, remedy] = text
      .split(/^@(?:cause|remedy) /m)
      .map((part) => part.replace(/\s+/g, " ").trim());
    const code = /code(?:: string)? = "(\w+)"/.exec(body)?.[1];
    if (!(cause && remedy && code)) throw new Error(`${SOURCE}: ${name} needs a code, an @cause and a @remedy`);
    return { name, base, code, meaning, cause, remedy };
  });
  const classes = [...source.matchAll(/^export class (\w+)/gm)].map((match) => match[1]);
  if (classes.length !== entries.length) throw new Error(`${SOURCE}: a class has no docstring`);
  return entries;
}

/** Breaks lines at 120 columns. */
function wrapped(text: string): string {
  return text
    .split("\n")
    .map((line) => line.replace(/(?![^\n]{1,120}$)([^\n]{1,120})\s/g, "$1\n"))
    .join("\n");
}

if (import.meta.main) writeFileSync(join(ROOT, ERRORS_PAGE), errorsPage());
