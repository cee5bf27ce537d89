import { assertOptions, type OptionTypes, optionsOf } from "../../checks/index.ts";
import { got, ValueError } from "../../errors/index.ts";
import type { RedisServerOptions, RedisWay } from "./server.ts";

export const WAYS: readonly RedisWay[] = ["path", "private copy", "docker"];

export const SERVER_OPTIONS: OptionTypes = optionsOf<RedisServerOptions>({
  port: true,
  password: "text",
  directory: "text",
  appendOnly: "boolean",
  extraArguments: "texts",
  binary: "text",
  ways: "texts",
  logger: true,
});

/** @param what - Takes them. @throws ValueError naming the option, what it takes and what was got */
export function checkServerOptions(what: string, options: RedisServerOptions): void {
  assertOptions(what, options, SERVER_OPTIONS);
  const { port, password, ways, logger } = options;
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw new ValueError(`port must be a whole number from 0 to 65535; got ${got(port)}`);
  }
  // To Redis that means none: everybody on this machine could use it.
  if (password === "") {
    throw new ValueError("the password of a private Redis must not be empty; leave it out to get a random one");
  }
  const unknown = ways?.find((way) => !WAYS.includes(way));
  if (unknown !== undefined) {
    throw new ValueError(`ways must be among ${WAYS.map((way) => got(way)).join(", ")}; got ${got(unknown)}`);
  }
  if (logger !== undefined && typeof (logger as Partial<typeof logger> | null)?.info !== "function") {
    throw new ValueError(`logger must have the method info, as console has; got ${got(logger)}`);
  }
}
