import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atEnd } from "./cleanup.ts";

/**
 * A new folder, removed with all that is in it at the end of the current test; at the end of the file when no test is
 * running.
 */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "manyhands-test-"));
  // A program that has not ended yet may write meanwhile.
  atEnd(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}
