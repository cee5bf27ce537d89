import type { Overview } from "@manyhands/core/internal";
import type { Printer } from "../../output/printer.ts";
import { PANES } from "./panes.ts";
import { describeSums } from "./view.ts";

/** The same lists once, as text below each other, or as one JSON object. */
export function printSnapshot(printer: Printer, overview: Overview): void {
  if (printer.format !== "table") {
    const { at, pools, hosts, failures } = overview;
    const running = PANES.find(({ name }) => name === "running")?.rows(overview);
    return printer.json({ at, pools, hosts, running, failures });
  }
  printer.line(describeSums(overview));
  for (const { name, rows, columns, empty } of PANES) {
    const found = rows(overview);
    printer.line("");
    if (found.length === 0) printer.line(`${name}: ${empty}`);
    else printer.list(found as object[], columns, "");
  }
}
