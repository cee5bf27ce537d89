import { type Context, currentContext, type DictProxy } from "@manyhands/core";

/** Ports of the servers that the tasks talk to, by name: `origin`, `mail-1`, `mail-2`. */
export function addressesOf(mp: Context): DictProxy<string, number> {
  return mp.manager("shop").dict<string, number>("addresses");
}

let known: Promise<Map<string, number>> | undefined;

/** Inside a task: the port of one of them. */
export async function portOf(name: string): Promise<number> {
  known ??= addressesOf(currentContext()).copy();
  const port = (await known).get(name);
  if (port !== undefined) return port;
  known = undefined;
  throw new Error(`no server "${name}" is known`);
}

/** Inside a task: what the shop's web server answers. */
export async function ask(path: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${await portOf("origin")}${path}`);
}
