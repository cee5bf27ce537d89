import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file that tasks append to; their runs can be counted by it. */
export class Scratch {
  readonly path: string = join(mkdtempSync(join(tmpdir(), "manyhands-chaos-")), "lines");

  /** Its lines; none while nobody has written. */
  lines(): string[] {
    try {
      return readFileSync(this.path, "utf8").trim().split("\n").filter(Boolean);
    } catch {
      return [];
    }
  }
}
