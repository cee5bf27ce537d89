// `pnpm test:recipes [words and vitest options]`: does what the pages of docs/recipes say, with the packed packages in empty
// folders and the frameworks and bundlers that the pages name, and runs worker hosts under process managers. It installs from
// the registry, and takes some minutes. A word is looked for in the names of the recipes. Ends with one line: "N passed, N
// failed".
import { builds, runVitest } from "./run-vitest.ts";

const words = process.argv.slice(2).filter((word) => word !== "--");
const filters = words.filter((word) => !word.startsWith("-"));
const options = words.filter((word) => word.startsWith("-"));
const selection = filters.length > 0 ? ["--testNamePattern", `(?i:${filters.join("|")})`] : [];

process.exitCode = builds() && runVitest(["--config", "vitest.recipes.config.ts", ...selection, ...options]) ? 0 : 1;
