import { unlessAborted } from "@manyhands/core/internal";
import { startRedisServer } from "@manyhands/core/redis-server";
import type { Command } from "commander";
import { addressError } from "../failure/address-error.ts";
import { EXIT, type ExitCode } from "../failure/exit-code.ts";
import { UsageError } from "../failure/usage-error.ts";
import { interruption } from "../interruption.ts";
import { action, type Invocation, newCommand } from "../invocation.ts";
import { wholeNumber } from "../parse/numbers.ts";
import { readSecret } from "../settings/secret.ts";

interface Options {
  port?: number;
  password?: string;
  passwordFile?: string;
  directory?: string;
}

/** `manyhands redis` */
export function redisCommand(): Command {
  const command = newCommand("redis", {
    summary: "a private Redis on loopback, until Ctrl-C; its URL is the first line on stdout",
    examples: [
      ["manyhands redis", "then, elsewhere: export MANYHANDS_REDIS_URL=<the URL>"],
      ["manyhands redis --port 6400 --directory ./redis-data", "the data survives a restart"],
    ],
  });
  return command
    .option(
      "--port <port>",
      "port on 127.0.0.1, 0 = a free one (default: 0)",
      wholeNumber("--port", { from: 0, to: 65_535 }),
    )
    .option("--password <text>", "password, which other users can see in the list of processes (default: a random one)")
    .option(
      "--password-file <file>",
      "read the password from a file (MANYHANDS_REDIS_PASSWORD holds the password itself)",
    )
    .option("--directory <folder>", "keep the data here, for one server at a time (default: a temporary folder)")
    .action(action<Options>(serveRedis));
}

async function serveRedis({ options, printer }: Invocation<Options>): Promise<ExitCode> {
  const { port, directory, password: given, passwordFile: file } = options;
  const password = await readSecret({ name: "password", given, file, variable: "MANYHANDS_REDIS_PASSWORD" });
  using stop = interruption();
  const server = await startRedisServer({
    port,
    directory,
    password,
    logger: { info: (message) => printer.words(message) },
  }).catch((error) => {
    if (directory !== undefined && (error as NodeJS.ErrnoException).syscall === "mkdir") {
      throw new UsageError(`cannot keep the data in "${directory}": ${(error as Error).message}`, { cause: error });
    }
    const where = { portOption: "--port", freePort: "leave --port out for a free one", address: "127.0.0.1" };
    throw (port === undefined ? null : addressError(error, { ...where, port })) ?? error;
  });
  try {
    if (printer.format === "table") printer.line(server.url);
    else printer.json({ url: server.url, port: server.port, pid: server.pid, source: server.source });
    printer.words(`Redis (${server.source}) is up on port ${server.port}; Ctrl-C ends it`);
    // The server does not keep this process alive; waiting for a signal has to.
    const alive = setInterval(() => {}, 2 ** 30);
    const exited = await unlessAborted(server.exited, stop.signal).finally(() => clearInterval(alive));
    if (!exited) return EXIT.done;
    printer.words("Redis exited unexpectedly");
    return EXIT.redis;
  } finally {
    await server.stop();
  }
}
