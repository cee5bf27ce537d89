import picocolors from "picocolors";

/** Colours for stderr and tables: none without a terminal; `NO_COLOR` and `FORCE_COLOR` decide otherwise. */
export const colors: ReturnType<typeof picocolors.createColors> = picocolors.createColors(wantsColor(process.env));

function wantsColor(environment: NodeJS.ProcessEnv): boolean {
  if (environment["NO_COLOR"]) return false;
  const forced = environment["FORCE_COLOR"];
  if (forced !== undefined && forced !== "") return forced !== "0" && forced !== "false";
  return process.stdout.isTTY === true && process.stderr.isTTY === true && environment["TERM"] !== "dumb";
}
