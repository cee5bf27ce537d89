import { packageVersion } from "@manyhands/core/internal";

/** Version of this package. */
export const version: string = packageVersion(import.meta.url);
