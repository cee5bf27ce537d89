import { forViewing, textToValue } from "../../../wire/codec/index.ts";
import type { ObjectRuntime } from "../../object/index.ts";

/** The kinds of containers. */
export type ContainerKind = "dict" | "list" | "set" | "namespace" | "value" | "array" | "registered" | "manager";

/** A container or manager as it is at the moment. */
export interface ContainerState {
  kind: ContainerKind;
  name: string;
  /** How many items it holds; of a manager, how many objects it owns. */
  size: number;
  /** The largest fence that was written with; null = none was. */
  fence: number | null;
  /** Server time at which it was made, ms; null = it is not there. */
  madeAt: number | null;
  /** C type of a value or array, typeid of a registered object; null for other kinds. */
  type: string | null;
  /** What a value or a registered object holds, shared objects as { kind, name }; undefined for other kinds. */
  value?: unknown;
}

type Reader = Pick<ObjectRuntime, "client" | "keys">;

/** Reads the container or manager of that kind and name; with `madeAt` null when it is not there. */
export async function readContainer(
  reader: Reader,
  place: { kind: ContainerKind; name: string },
): Promise<ContainerState> {
  const { client, keys } = reader;
  const { kind, name } = place;
  const [main, size] = await Promise.all([client.hgetall(keys.object(kind, name)), sizeOf(reader, place)]);
  const madeAt = main["madeAt"] === undefined ? null : Number(main["madeAt"]);
  return {
    ...{ kind, name, size, madeAt },
    fence: main["fence"] === undefined ? null : Number(main["fence"]),
    type: main["type"] ?? main["typeid"] ?? null,
    ...contentOf(kind, main),
  };
}

async function sizeOf(
  { client, keys }: Reader,
  { kind, name }: { kind: ContainerKind; name: string },
): Promise<number> {
  const items = keys.object(kind, name, "items");
  switch (kind) {
    case "dict":
    case "namespace":
      return client.hlen(items);
    case "list":
    case "array":
      return client.llen(items);
    case "set":
      return client.zcard(items);
    case "manager":
      return client.scard(keys.sessionObjects(`manager:${name}`));
    case "value":
    case "registered":
      return client.exists(keys.object(kind, name));
  }
}

function contentOf(kind: ContainerKind, main: Record<string, string>): { value?: unknown } {
  if (kind === "value" && main["value"] !== undefined) return { value: main["value"] };
  if (kind === "registered" && main["state"] !== undefined) {
    return { value: forViewing(() => textToValue(main["state"] ?? "")) };
  }
  return {};
}
