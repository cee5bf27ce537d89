import { readFileSync } from "node:fs";
import { codeFolder } from "@manyhands/core/internal";

/** Version of this package. */
export const version: string = (
  JSON.parse(readFileSync(new URL("../package.json", codeFolder(import.meta.url)), "utf8")) as { version: string }
).version;
