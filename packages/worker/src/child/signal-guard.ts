import { constants } from "node:os";
import type { GuardedSignal } from "./messages.ts";

/** What service managers and terminals send to a whole group of processes in order to stop it. */
const GUARDED: readonly GuardedSignal[] = ["SIGTERM", "SIGINT", "SIGHUP"];

/**
 * Keeps signals that were meant for the whole group away from a child: systemd, pm2, a container's runtime and a shell
 * signal the host **and** its children, and only the host knows in which order to stop.
 *
 * - a guarded signal from outside does nothing, also where the task's code has a handler for it;
 * - one that the host delivers (`terminate()`, `interrupt()`) runs the handlers of the task's code, or ends the child as
 *   the signal does by default;
 * - one that the child sends to itself counts as well.
 */
export class SignalGuard {
  readonly #armed = new Set<string>(GUARDED);
  readonly #onListeners: (signals: GuardedSignal[]) => void;
  #announced = "";

  /** `onListeners` is called with the signals for which the task's code has handlers, each time that changes. */
  constructor(onListeners: (signals: GuardedSignal[]) => void) {
    this.#onListeners = onListeners;
    this.#passOnlyDelivered();
    this.#watchKill();
    for (const signal of GUARDED) process.on(signal, ignore);
    process.on("newListener", (event, listener) => this.#changed(event, listener));
    process.on("removeListener", (event, listener) => {
      // `process.removeAllListeners()` takes away what it does not know.
      if (listener === ignore && this.#armed.has(String(event))) process.on(event as GuardedSignal, ignore);
      else this.#changed(event);
    });
  }

  /** Lets the signal do what it does in a program of its own. */
  deliver(signal: GuardedSignal): void {
    this.#disarm(signal);
    // In a turn of its own: what a handler throws is an uncaught error, as with a signal of the system.
    setImmediate(() => {
      const isHandled: boolean = Reflect.apply(process.emit, process, [signal, signal, constants.signals[signal]]);
      if (!isHandled) process.kill(process.pid, signal);
    });
  }

  #disarm(signal: string): void {
    this.#armed.delete(signal);
    process.removeListener(signal, ignore);
  }

  /** The system's signals come through `process.emit` with their number. */
  #passOnlyDelivered(): void {
    const emit = process.emit;
    process.emit = ((event: string, ...rest: unknown[]): boolean => {
      if (typeof rest[1] === "number" && this.#armed.has(event)) return false;
      return Reflect.apply(emit, process, [event, ...rest]);
    }) as typeof process.emit;
  }

  #watchKill(): void {
    const kill = process.kill;
    process.kill = (pid, signal = "SIGTERM") => {
      const name = GUARDED.find((guarded) => guarded === signal || constants.signals[guarded] === signal);
      if (name && pid === process.pid) this.#disarm(name);
      return Reflect.apply(kill, process, [pid, signal]);
    };
  }

  #changed(event: unknown, added?: unknown): void {
    if (added === ignore || !GUARDED.includes(event as GuardedSignal)) return;
    const signals = GUARDED.filter(
      (signal) =>
        (added !== undefined && signal === event) || process.listeners(signal).some((listener) => listener !== ignore),
    );
    if (signals.join() === this.#announced) return;
    this.#announced = signals.join();
    this.#onListeners(signals);
  }
}

function ignore(): void {}
