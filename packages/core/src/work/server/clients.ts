import type { RedisClient } from "../../redis/connection/index.ts";

/** Connections that do the same. */
export interface ClientRole {
  /** `worker`, `program`, `child`, `dashboard`, `command`, `other`. */
  role: string;
  connections: number;
  /** Of them in a wait that blocks, such as a host's for work. */
  blocked: number;
  /** Bytes that wait to be read by them: one that does not read keeps memory. */
  unread: number;
}

/** Connections by what they are for, as their names say, the most frequent first. */
export async function readClients(client: RedisClient): Promise<ClientRole[]> {
  const nodes = "nodes" in client ? client.nodes("master") : [client];
  const texts = await Promise.all(nodes.map((node) => node.call("CLIENT", "LIST")));
  const roles = new Map<string, ClientRole>();
  for (const line of texts.flatMap((text) => String(text).split("\n"))) {
    if (line === "") continue;
    const facts = new Map(
      line.split(" ").map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]),
    );
    const role = roleOf(facts.get("name") ?? "");
    const known = roles.get(role) ?? { role, connections: 0, blocked: 0, unread: 0 };
    known.connections += 1;
    if (facts.get("flags")?.includes("b")) known.blocked += 1;
    known.unread += Number(facts.get("omem") ?? 0) || 0;
    roles.set(role, known);
  }
  return [...roles.values()].sort((left, right) => right.connections - left.connections);
}

function roleOf(name: string): string {
  if (/^manyhands[-:](dashboard)/.test(name)) return "dashboard";
  if (/^manyhands[-:](command|completion)/.test(name)) return "command";
  if (/^manyhands[-:](worker|host)/.test(name)) return "worker";
  if (/^manyhands[-:]child/.test(name)) return "child";
  return /^manyhands(?![\w])/.test(name) ? "program" : "other";
}
