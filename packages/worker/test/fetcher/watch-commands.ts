import { connect } from "node:net";
import type { TestRedis } from "@manyhands/testing";
import { onTestFinished } from "vitest";

/** A command that Redis runs. */
export interface SeenCommand {
  /** Name and arguments, as MONITOR prints them: what is no plain text is escaped. */
  words: string[];
  /** Address of the client that sent it; "lua" = a script runs it. */
  source: string;
}

/**
 * Hears every command from now on, until the end of the test or the returned function.
 *
 * From a socket and not with the client's `monitor()`: that fails when the first commands arrive together with the
 * answer to MONITOR, for which it takes them.
 */
export async function watchCommands(redis: TestRedis, hear: (command: SeenCommand) => void): Promise<() => void> {
  const socket = connect(redis.port, "127.0.0.1").setEncoding("utf8");
  const stop = (): void => void socket.destroy();
  onTestFinished(stop);
  socket.write(`AUTH ${redis.password}\r\nMONITOR\r\n`);
  let rest = "";
  let answers = 0;
  await new Promise<void>((resolve, reject) => {
    socket.on("error", reject).on("close", () => reject(new Error("Redis closed the connection that watches it")));
    socket.on("data", (text: string) => {
      const lines = (rest + text).split("\r\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const [, source, command] = /^\+[\d.]+ \[\d+ (\S+)\] (.*)$/.exec(line) ?? [];
        if (source !== undefined)
          hear({ source, words: [...(command ?? "").matchAll(WORD)].map((word) => word[1] ?? "") });
        else if (line !== "+OK") reject(new Error(`MONITOR: ${line}`));
        else if (++answers === 2) resolve();
      }
    });
  });
  return stop;
}

const WORD = /"((?:[^"\\]|\\.)*)"/g;
