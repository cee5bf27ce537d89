import { createHook } from "node:async_hooks";
import type { ChildProcess } from "node:child_process";

/** The pipe of an IPC channel, as Node gives it to its hooks. */
interface PipeHandle {
  onread?: (...parameters: unknown[]) => unknown;
}

/**
 * Starts a child and finds the pipe of its IPC channel, which Node shows only to its hooks.
 * @returns the child, and the pipe; undefined when this version of Node does not show it
 */
export function spawnWithHandles(spawn: () => ChildProcess): { child: ChildProcess; ipc: PipeHandle | undefined } {
  const pipes = new Set<PipeHandle>();
  const hook = createHook({
    init(...[, type, , resource]) {
      if (type === "PIPEWRAP") pipes.add(resource as PipeHandle);
    },
  }).enable();
  let child: ChildProcess;
  try {
    child = spawn();
  } finally {
    hook.disable();
  }
  for (const stream of [child.stdout, child.stderr]) {
    pipes.delete((stream as unknown as { _handle?: PipeHandle } | null)?._handle ?? {});
  }
  const [ipc] = pipes;
  return { child, ipc: pipes.size === 1 ? ipc : undefined };
}

/**
 * The net under an IPC channel. Code in a child can write to the descriptor of the channel itself; what Node cannot
 * read there it throws where no code can catch it, and the host would end.
 */
export function guardChannel(ipc: PipeHandle | undefined, onBroken: () => void): void {
  const read = ipc?.onread;
  if (!ipc || !read) return;
  let isBroken = false;
  ipc.onread = function guardedRead(this: unknown, ...parameters: unknown[]): unknown {
    if (isBroken) return undefined;
    try {
      return read.apply(this, parameters);
    } catch {
      isBroken = true;
      onBroken();
      return undefined;
    }
  };
}

/**
 * The same net under the messages with which Node itself passes handles. Code in a child can forge them, and Node
 * believes what they say.
 */
export function guardHandles(child: ChildProcess, onBadMessage: (fault: string) => void): void {
  const emit = child.emit.bind(child) as (...parameters: unknown[]) => boolean;
  child.emit = (...parameters: unknown[]): boolean => {
    if (parameters[0] !== "internalMessage") return emit(...parameters);
    try {
      return emit(...parameters);
    } catch (error) {
      onBadMessage(`it passes no handle: ${(error as Error).message.split("\n", 1)[0]}`);
      return false;
    }
  };
}
