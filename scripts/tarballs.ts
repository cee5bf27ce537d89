// `pnpm run tarballs [folder]`: packs the packages as they would be published, and prints how to install them elsewhere.
import { resolve } from "node:path";
import { packPackages } from "./pack.ts";
import { ROOT } from "./root.ts";
import { builds } from "./run-vitest.ts";

if (builds()) {
  const tarballs = await packPackages(resolve(process.argv[2] ?? `${ROOT}/.cache/tarballs`));
  console.log(`In your project:\n\nnpm install ${Object.values(tarballs).join(" ")}`);
} else process.exitCode = 1;
