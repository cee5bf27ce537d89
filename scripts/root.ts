import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the workspace, as an absolute path without a slash at its end. */
export const ROOT: string = dirname(dirname(fileURLToPath(import.meta.url)));
