import { isSlots, MOST_SLOTS } from "@manyhands/core/internal";
import type { Command } from "commander";
import { onNamespace } from "../../connection/on-namespace.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { newCommand } from "../../invocation.ts";
import { changeHosts } from "./find-host.ts";

/** `manyhands host resize <host…> <slots>` */
export function hostResizeCommand(): Command {
  const command = newCommand("resize", {
    summary: "change how many tasks hosts run at once, until they are restarted; running ones are not stopped",
    examples: [
      ["manyhands host resize web-1 8", "eight at once from now on"],
      ["manyhands host resize web-1 web-2 4", "four on each of two hosts"],
    ],
  });
  return command
    .usage("[options] <host...> <slots>")
    .argument("<host-and-slots...>", "names or ids of hosts; last, the number of slots: a whole number from 1")
    .action(
      onNamespace(async ({ args, printer, ...connection }) => {
        const { names, slots } = parse(args[0] as string[]);
        const { fleet } = connection.inspector;
        for (const host of await changeHosts(connection, names, (ids) => fleet.resize(ids, slots))) {
          const { id, name, state, running } = host;
          const over = running.length - host.slots;
          const words = `host "${name}" now has ${host.slots} ${host.slots === 1 ? "slot" : "slots"}`;
          printer.change({ id, name, slots: host.slots, running: running.length }, words);
          if (over > 0)
            printer.warn(`${running.length} tasks run on it: it takes no more until ${over + 1} have ended`);
          if (state === "quiet") printer.warn(`it is quiet and takes no work; manyhands host resume ${name}`);
        }
      }),
    );
}

function parse(words: readonly string[]): { names: string[]; slots: number } {
  const names = words.slice(0, -1);
  const text = words.at(-1) ?? "";
  if (names.length === 0) {
    throw new UsageError(`host resize needs a host and a number of slots; got only "${text}"; such as: web-1 8`);
  }
  const slots = /^\d+$/.test(text) ? Number(text) : 0;
  if (isSlots(slots)) return { names, slots };
  const advice = text === "0" ? "; to let a host take no work: manyhands host quiet" : "";
  throw new UsageError(
    `the slots of a host must be a whole number from 1 to ${MOST_SLOTS}, after the names of hosts; got "${text}"${advice}`,
  );
}
