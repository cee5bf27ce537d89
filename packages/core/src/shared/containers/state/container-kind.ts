import {
  type Maker,
  type ObjectReference,
  type ObjectRuntime,
  type SharedKind,
  type SharedObject,
  withoutHolders,
} from "../../object/index.ts";
import { type ContainerKind, type ContainerState, readContainer } from "./container-state.ts";

/** What a kind of container states of itself. */
interface ContainerFacts<Handle extends SharedObject> {
  kind: ContainerKind;
  open(runtime: ObjectRuntime, reference: ObjectReference): Handle;
  makers: { readonly [method: string]: Maker };
  /** Parts of its keys besides the main one. */
  parts: readonly string[];
  /** A few words for a table. */
  summary(state: ContainerState): string;
  /**
   * Lua for the reaper (see {@link SharedKind}).
   * @defaultValue it has no holders and no waiters, and all its keys are removed with it
   */
  reaper?: string;
}

/** The row of a container. Its handles see to their manager themselves. */
export function containerKind<Handle extends SharedObject>(facts: ContainerFacts<Handle>): SharedKind<Handle> {
  const { kind, open, makers, parts, summary } = facts;
  return {
    kind,
    open,
    makers,
    reaper: facts.reaper ?? containerReaper(kind, parts),
    parts: ["", ...parts],
    stays: "until removed",
    async read(reader, name) {
      const state = await readContainer(reader, { kind, name });
      return state.madeAt === null ? null : withoutHolders([], { summary: summary(state), state });
    },
    waits: [],
    methods: null,
  };
}

function containerReaper(kind: string, parts: readonly string[]): string {
  const keys = ["", ...parts.map((word) => `-${word}`)].map((word) => `prefix .. "${kind}${word}/" .. name`);
  return `{
  look = function() return nil end,
  leave = function() end,
  remove = function(prefix, name)
    redis.call("UNLINK", ${keys.join(", ")})
    redis.call("ZREM", prefix .. "objects", "${kind}/" .. name)
  end,
}`;
}
