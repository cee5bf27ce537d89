import { type Command, Option } from "commander";
import { EXIT } from "../../failure/exit-code.ts";
import { NotFoundError } from "../../failure/not-found-error.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { action, newCommand } from "../../invocation.ts";
import { hidePassword } from "../../output/hide-password.ts";
import {
  type Contexts,
  checkPlace,
  contextsPath,
  describeContexts,
  type NamedPlace,
  readContexts,
  writeContexts,
} from "../../settings/contexts.ts";
import { readSecret } from "../../settings/secret.ts";

/** `manyhands config contexts ls|use|add|rm` */
export function contextsCommand(): Command {
  return newCommand("contexts", {
    summary: "named places to work at: each has a Redis, a namespace, or both",
    examples: [["manyhands --context prod pool ls", "one command at another place"]],
  })
    .addCommand(listCommand())
    .addCommand(useCommand())
    .addCommand(addCommand())
    .addCommand(removeCommand());
}

function listCommand(): Command {
  return newCommand("ls", {
    summary: "list the contexts; passwords are not shown",
    examples: [["manyhands config contexts ls", "the current one is marked"]],
  }).action(
    action(async ({ printer }) => {
      const { current, contexts } = readContexts(contextsPath());
      const rows = Object.entries(contexts).map(([name, { redis, namespace }]) => ({
        name,
        current: name === current,
        redis: redis === undefined ? null : hidePassword(redis),
        namespace: namespace ?? null,
      }));
      printer.list(
        rows,
        [
          { heading: "NAME", cell: (row) => row.name },
          { heading: "CURRENT", cell: (row) => (row.current ? "yes" : "") },
          { heading: "REDIS", cell: (row) => row.redis ?? "-" },
          { heading: "NAMESPACE", cell: (row) => row.namespace ?? "-" },
        ],
        `no contexts in ${contextsPath()}; add one with: manyhands config contexts add <name> --redis <url>`,
      );
      return EXIT.done;
    }),
  );
}

function useCommand(): Command {
  return newCommand("use", {
    summary: "make a context the current one, which commands use when none is named",
    examples: [
      ["manyhands config contexts use staging", "until another one is used"],
      ["manyhands config contexts use --none", "no context is current"],
    ],
  })
    .argument("[name]", "name of the context")
    .option("--none", "use none")
    .action(
      action<{ none?: true }>(async ({ args: [name], options, printer }) => {
        if ((name === undefined) === (options.none !== true)) {
          throw new UsageError("give the name of a context, or --none, and not both");
        }
        const current = name === undefined ? null : String(name);
        change((contexts, path) => {
          if (current !== null) assertKnown(current, contexts, path);
          contexts.current = current;
        });
        printer.change({ current }, current === null ? "no context is current" : `"${current}" is the current context`);
        return EXIT.done;
      }),
    );
}

function addCommand(): Command {
  return newCommand("add", {
    summary: "add a context with the given --redis and --namespace",
    examples: [
      ["manyhands config contexts add prod --redis-file prod.url", "the URL with its password comes from a file"],
      ["manyhands config contexts add test --namespace test", "the usual Redis, another namespace"],
    ],
  })
    .argument("<name>", "name of the context: letters, digits or _ . -")
    .option("--redis-file <file>", "read the URL of Redis from a file: others see what stands on a command line")
    .addOption(new Option("--replace", "replace the context of that name"))
    .action(
      action<{ replace?: true; redisFile?: string }>(async ({ args: [given], options, settings, printer }) => {
        const name = String(given);
        const place = await placeOf(settings, options.redisFile);
        checkPlace(name, place, (what) => new UsageError(`context "${name}": ${what}`));
        change(({ contexts }) => {
          if (Object.hasOwn(contexts, name) && !options.replace) {
            throw new UsageError(`there is a context "${name}" already; give --replace to replace it`);
          }
          contexts[name] = place;
        });
        printer.change({ name, namespace: place.namespace ?? null }, `context "${name}" is in ${contextsPath()}`);
        return EXIT.done;
      }),
    );
}

function removeCommand(): Command {
  return newCommand("rm", {
    summary: "remove a context",
    examples: [["manyhands config contexts rm test", "if it is the current one, none is current any more"]],
  })
    .argument("<name>", "name of the context")
    .action(
      action(async ({ args: [given], printer }) => {
        const name = String(given);
        change((contexts, path) => {
          assertKnown(name, contexts, path);
          delete contexts.contexts[name];
          if (contexts.current === name) contexts.current = null;
        });
        printer.change({ name }, `context "${name}" is removed`);
        return EXIT.done;
      }),
    );
}

/** Only what this command line says: the environment of today is not the place of a context. */
async function placeOf(
  settings: { redis: { value: string; source: string }; namespace: { value: string; source: string } },
  redisFile: string | undefined,
): Promise<NamedPlace> {
  const place: NamedPlace = {};
  const isRedisGiven = settings.redis.source === "--redis";
  const given = isRedisGiven ? settings.redis.value : undefined;
  const redis =
    redisFile === undefined
      ? given
      : await readSecret({ name: "redis", given, file: redisFile, variable: "MANYHANDS_REDIS_URL" });
  if (redis !== undefined) place.redis = redis;
  if (settings.namespace.source === "--namespace") place.namespace = settings.namespace.value;
  return place;
}

function change(edit: (contexts: Contexts, path: string) => void): void {
  const path = contextsPath();
  const contexts = readContexts(path);
  edit(contexts, path);
  writeContexts(path, contexts);
}

function assertKnown(name: string, contexts: Contexts, path: string): void {
  if (Object.hasOwn(contexts.contexts, name)) return;
  throw new NotFoundError(`there is no context "${name}": ${describeContexts(name, contexts, path)}`);
}
