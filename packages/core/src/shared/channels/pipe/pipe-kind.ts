import { optionsOf } from "../../../checks/index.ts";
import { plural } from "../../../errors/index.ts";
import { type ObjectReading, PATIENCE_TEXT, type SharedKind, withoutHolders } from "../../object/index.ts";
import { Connection, type ConnectionSettings } from "./connection.ts";
import type { PipeOptions } from "./pipe.ts";
import { PIPE_REAPER } from "./pipe-scripts.ts";
import { type PipeState, readPipe } from "./read-pipe.ts";

/** Two ends that send messages to each other. Its handles are ends; no manager makes one. */
export const PIPE_KIND: SharedKind<Connection> = {
  kind: "pipe",
  reaper: PIPE_REAPER,
  open: (runtime, reference) => new Connection(runtime, reference, reference.settings as ConnectionSettings),
  parts: [""],
  stays: "while held",
  read: async (reader, name) => pipeReading(await readPipe(reader, name)),
  makers: {
    pipe: {
      of: "mp",
      form: "mp.pipe(duplex) or mp.pipe({ duplex, maxMessage })",
      most: 1,
      options: { 0: optionsOf<PipeOptions>({ duplex: "boolean", maxMessage: true }) },
      orElse: ["boolean"],
    },
  },
  waits: [
    {
      of: "connection",
      handles: Connection,
      methods: {
        send: ["value"],
        sendBytes: ["bytes", "offset", "size"],
        recv: [PATIENCE_TEXT],
        poll: [PATIENCE_TEXT],
        recvBytes: ["maxLength", PATIENCE_TEXT],
        recvBytesInto: ["buffer", "offset", PATIENCE_TEXT],
      },
    },
  ],
  methods: null,
};

/** Waiters: those that wait to receive from the first end, then from the second. */
function pipeReading(state: PipeState): ObjectReading {
  const ends = state.ends.map(
    ({ open, messages, holders }) => `${open ? `with ${holders.length}` : "closed"}, ${plural(messages, "message")}`,
  );
  const waiters = state.ends.flatMap(({ readers }) => readers);
  return withoutHolders(waiters, { summary: ends.join(state.duplex ? " <-> " : " <- "), state });
}
