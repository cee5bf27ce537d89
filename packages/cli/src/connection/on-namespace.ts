import { EXIT, type ExitCode } from "../failure/exit-code.ts";
import { action, type Invocation } from "../invocation.ts";
import { type Connection, withConnection } from "./connection.ts";

/**
 * The action of a command that works on what a namespace holds: it connects, works, and disconnects.
 * @param work - Returns the exit code; nothing = 0.
 */
export function onNamespace<Options>(
  work: (call: Invocation<Options> & Connection) => Promise<ExitCode | undefined>,
): ReturnType<typeof action> {
  return action<Options>((invocation) =>
    withConnection(
      invocation.settings,
      async (connection) => (await work({ ...invocation, ...connection })) ?? EXIT.done,
    ),
  );
}
