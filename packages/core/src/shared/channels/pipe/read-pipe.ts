import { type ObjectRuntime, type Participant, readParticipants } from "../../object/index.ts";
import { readEnds } from "./pipe-scripts.ts";

/** One end of a pipe as it is at the moment. */
export interface PipeEndState {
  /** A process holds it, or it is on its way to one. */
  open: boolean;
  /** Messages that wait to be received by it. */
  messages: number;
  /** The processes that have it. */
  holders: Participant[];
  /** How often it was sent and has not arrived yet. */
  inTransit: number;
  /** Who waits to receive from it, in their order; or has received lately, and is given the next message at once. */
  readers: Participant[];
}

/** A pipe as it is at the moment. */
export interface PipeState {
  name: string;
  duplex: boolean;
  /** In the order in which `mp.pipe()` gave them. */
  ends: [PipeEndState, PipeEndState];
}

/** Reads the state of a pipe. One that is gone, or was not used yet, has two closed ends. */
export async function readPipe(context: Pick<ObjectRuntime, "client" | "keys">, name: string): Promise<PipeState> {
  const { client, keys } = context;
  const [found, standing, ...lists] = await Promise.all([
    readEnds.run(
      client,
      [keys.object("pipe", name), keys.object("pipe", name, "holders"), keys.object("pipe", name, "transit")],
      [keys.prefix, name],
    ),
    client.hmget(keys.object("pipe", name, "standing"), "reader-0", "reader-1"),
    ...[0, 1].map((end) => client.lrange(keys.object("pipe-stream", `${end}/${name}`, "getters"), 0, -1)),
  ]);
  const [duplex, firstClosed, secondClosed, firstSize, secondSize, transit = [], holders = []] = found;
  const endState = async (end: 0 | 1): Promise<PipeEndState> => {
    const of = (entries: readonly string[]): string[] => entries.filter((entry) => entry.startsWith(`${end}|`));
    const sessions = of(holders).map((holder) => ({ session: holder.slice(2), label: "" }));
    const reader = standing[end];
    const waiters = [...(reader ? [waiterOf(reader)] : []), ...(lists[end] ?? [])];
    const participants = await readParticipants(context, [...sessions, ...waiters]);
    return {
      open: duplex !== undefined && (end === 0 ? firstClosed : secondClosed) !== "1",
      messages: (end === 0 ? firstSize : secondSize) ?? 0,
      holders: participants.slice(0, sessions.length),
      inTransit: of(transit).length,
      readers: participants.slice(sessions.length),
    };
  };
  return { name, duplex: duplex === "1", ends: await Promise.all([endState(0), endState(1)]) };
}

/** A standing reader as others that wait are stored. */
function waiterOf(reader: string): string {
  const [session, number, , ...label] = reader.split("|");
  return [session, number, ...label].join("|");
}
