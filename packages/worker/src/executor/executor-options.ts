import type { BinsMessage, Isolation, Measure } from "@manyhands/core/internal";
import type { LoadRequest } from "../child/messages.ts";
import type { StrayOutput } from "./executor.ts";

export interface CreateExecutorOptions {
  isolation: Isolation;
  /** Task modules: absolute paths, paths relative to the working directory, URLs, or names of installed packages. */
  modules: string[];
  hostName: string;
  hostId: string;
  /** What `currentContext()` connects with; must survive structured clone. */
  connection: unknown;
  /** URL of the module that says what it connects with, instead of `connection`. */
  redisModule?: string | null | undefined;
  /** The masters that vote on its locks; as `connection`. */
  lockNodes?: readonly unknown[] | undefined;
  namespace: string;
  /** The child tells which files it loads. @defaultValue false */
  tellsFiles?: boolean | undefined;
  /**
   * Folder in which the child keeps what it compiles, for children after it; null = nowhere.
   * @defaultValue where this process does
   */
  compileCache?: string | null | undefined;
  /**
   * Heap limit of a process or thread, megabytes.
   * @defaultValue the limit of Node
   */
  maxHeapMegabytes?: number | undefined;
  /** Modules that a process or thread loads first, as by `--import`. @defaultValue none */
  imports?: readonly string[] | undefined;
  /** Called with what children print outside a running job. */
  onOutput?: ((output: StrayOutput) => void) | undefined;
  /** Called with the sessions of a process or thread that has ended: what they hold is free. */
  onGone?: ((sessions: readonly string[]) => void) | undefined;
  /** Called with what a process or thread measured of itself. */
  onMeasured?: ((what: Measure, bins: BinsMessage) => void) | undefined;
  /** Called with the fault of a message of a child, which is ignored. */
  onBadMessage?: ((fault: string) => void) | undefined;
  /**
   * How a child process notices that its host was killed: by the system where that can do it, or by a thread of its
   * own. For tests.
   * @defaultValue "system"
   */
  watchParent?: "system" | "thread" | undefined;
}

/** What the three executors are made of. */
export interface ExecutorOptions
  extends Pick<
    CreateExecutorOptions,
    "maxHeapMegabytes" | "imports" | "onOutput" | "onGone" | "onMeasured" | "onBadMessage" | "watchParent"
  > {
  load: Omit<LoadRequest, "type" | "isolation">;
}
