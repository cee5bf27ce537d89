import type { AccessOptions } from "@manyhands/dashboard";
import type { Command } from "commander";
import { addressError } from "../failure/address-error.ts";
import { EXIT, type ExitCode } from "../failure/exit-code.ts";
import { interruption } from "../interruption.ts";
import { action, type Invocation, newCommand } from "../invocation.ts";
import { wholeNumber } from "../parse/numbers.ts";
import { readSecret, readSecretFile } from "../settings/secret.ts";

interface Options {
  port?: number;
  host?: string;
  token?: string;
  tokenFile?: string;
  allowHost?: string[];
  basePath?: string;
  tokens?: string;
  trustHeader?: string;
  trustFrom?: string[];
  redact?: string[];
  readOnly?: true;
  sessionAge?: number;
  traceUrl?: string;
}

/** The one of the dashboard. */
const DEFAULT_PORT = 3000;

/** `manyhands dashboard` */
export function dashboardCommand(): Command {
  const command = newCommand("dashboard", {
    summary: "the web page of pools, tasks and hosts, until Ctrl-C; its URL is the first line on stdout",
    examples: [
      ["manyhands dashboard", "on 127.0.0.1:3000, with a token in the URL"],
      ["MANYHANDS_DASHBOARD_TOKEN=… manyhands dashboard --host 0.0.0.0", "for other machines too"],
      ["manyhands dashboard --tokens /run/secrets/tokens", "for viewers, operators and admins: a token for each"],
    ],
  });
  return command
    .option("--port <port>", "0 takes a free one (default: 3000)", wholeNumber("--port", { from: 0, to: 65_535 }))
    .option("--host <address>", "address to listen on; another than loopback needs a token (default: 127.0.0.1)")
    .option("--token <text>", "what visitors must know (MANYHANDS_DASHBOARD_TOKEN; default: a random one)")
    .option("--token-file <file>", "read the token from a file")
    .option("--tokens <file>", "more tokens, one in each line: <viewer|operator|admin> <name> <token>")
    .option(
      "--trust-header <name>",
      "header in which a proxy names the visitor, and after a colon the one with the role",
    )
    .option("--trust-from <address...>", "addresses or networks of that proxy")
    .option(
      "--session-age <ms>",
      "how long a browser stays signed in unused (default: 12 hours)",
      wholeNumber("--session-age", { from: 60_000, to: 2_592_000_000 }),
    )
    .option("--redact <path...>", "hide values of arguments and results by name or path: password card.number")
    .option("--read-only", "refuse everything that changes something")
    .option("--base-path <path>", "where a proxy serves it, such as /ops/queues (default: /)")
    .option("--allow-host <name...>", "another host name that visitors may use, such as workers.example.org")
    .option(
      "--trace-url <address>",
      "where a trace is in a tracing tool, such as https://tracing.example.org/trace/{traceId}",
    )
    .action(action<Options>(serveDashboard));
}

async function serveDashboard({ options, settings, printer }: Invocation<Options>): Promise<ExitCode> {
  using stop = interruption();
  const { port, host, token: given, tokenFile: file, allowHost, basePath, traceUrl } = options;
  const token = await readSecret({ name: "token", given, file, variable: "MANYHANDS_DASHBOARD_TOKEN" });
  const access = await accessOf(options);
  const { startDashboard } = await import("@manyhands/dashboard");
  const dashboard = await startDashboard({
    port,
    host,
    access: { ...access, token },
    allowedHosts: allowHost,
    basePath,
    traceUrl,
    redis: settings.redis.value,
    namespace: settings.namespace.value,
    logger: {
      info: () => {},
      warn: (message) => printer.warn(message),
      error: (message) => printer.warn(message),
    },
  }).catch((error) => {
    const address = host ?? "127.0.0.1";
    const where = { portOption: "--port", freePort: "0 for a free one", addressOption: "--host" };
    throw addressError(error, { ...where, port: port ?? DEFAULT_PORT, address }) ?? error;
  });
  if (printer.format === "table") printer.line(dashboard.url);
  else printer.json({ url: dashboard.url, port: dashboard.port });
  printer.words(`dashboard of namespace "${settings.namespace.value}" is up; Ctrl-C ends it`);
  if (!stop.signal.aborted) await new Promise((resolve) => stop.signal.addEventListener("abort", resolve));
  await dashboard.stop();
  return EXIT.done;
}

async function accessOf(options: Options): Promise<AccessOptions> {
  const { tokens, trustHeader, trustFrom, redact, readOnly, sessionAge } = options;
  return {
    ...(tokens !== undefined && { tokens: await readSecretFile("tokens", tokens) }),
    ...(trustHeader !== undefined && { trustHeader }),
    ...(trustFrom !== undefined && { trustFrom: trustFrom.flatMap(words) }),
    ...(redact !== undefined && { redact: redact.flatMap(words) }),
    ...(readOnly !== undefined && { readOnly }),
    ...(sessionAge !== undefined && { sessionAge }),
  };
}

/** Words of an option that may be given once for each, or with commas between. */
function words(text: string): string[] {
  return text.split(",").flatMap((word) => word.trim() || []);
}
