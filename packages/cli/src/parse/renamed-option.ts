import { Option } from "commander";
import { UsageError } from "../failure/usage-error.ts";

/** An earlier spelling of an option: it is refused, with the name that the option has now. */
export function renamedOption(flags: string, now: string): Option {
  return new Option(flags).hideHelp().argParser(() => {
    throw new UsageError(`${flags.split(" ", 1)[0]} is called ${now} now`);
  });
}
