import { readFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "@manyhands/testing";

/** A file that tasks append to; their runs can be counted by it. */
export class Scratch {
  readonly path: string = join(temporaryFolder(), "lines");

  /** Its lines; none before the first write. */
  lines(): string[] {
    try {
      return readFileSync(this.path, "utf8").trim().split("\n").filter(Boolean);
    } catch {
      return [];
    }
  }
}
