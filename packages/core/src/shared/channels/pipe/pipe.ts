import { got, ValueError } from "../../../errors/index.ts";
import type { ObjectRuntime } from "../../object/index.ts";
import { Connection } from "./connection.ts";

/** Options of `mp.pipe()`. */
export interface PipeOptions {
  /**
   * Both ends send and receive; otherwise the first only receives and the second only sends.
   * @defaultValue true
   */
  duplex?: boolean | undefined;
  /**
   * Largest message, bytes.
   * @defaultValue 64 MiB
   */
  maxMessage?: number | undefined;
}

/** Largest message unless the pipe says otherwise, bytes. */
const MAX_MESSAGE = 64 * 1024 * 1024;
/** What Redis takes at most, bytes, with room for what stands before it. */
const MOST = 512 * 1024 * 1024 - 1024;

/** For `mp.pipe()`. @throws ValueError a bad option */
export function createPipe<First, Second>(
  runtime: ObjectRuntime,
  options: boolean | PipeOptions = {},
): [Connection<First>, Connection<Second>] {
  const { duplex = true, maxMessage = MAX_MESSAGE } = toOptions(options);
  if (typeof duplex !== "boolean") throw new ValueError(`duplex must be true or false; got ${got(duplex)}`);
  if (!Number.isInteger(maxMessage) || maxMessage < 1 || maxMessage > MOST) {
    throw new ValueError(`maxMessage must be whole bytes from 1 to ${MOST}; got ${got(maxMessage)}`);
  }
  // Not a name that belongs to its maker alone: it lives as long as a process has one of its ends.
  const identity = { name: `${runtime.nextName()}-pipe`, owner: runtime.session.id };
  const settings = { isDuplex: duplex, maxMessage, token: null };
  return [
    new Connection<First>(runtime, identity, { ...settings, end: 0 }),
    new Connection<Second>(runtime, identity, { ...settings, end: 1 }),
  ];
}

function toOptions(options: boolean | PipeOptions): PipeOptions {
  if (typeof options === "boolean") return { duplex: options };
  if (typeof options === "object" && options !== null) return options;
  throw new ValueError(`a pipe takes duplex as true or false, or options; got ${got(options)}`);
}
