import type { ObjectRuntime } from "../../objects/index.ts";
import { RedlockVoter } from "./redlock-voter.ts";
import type { Voter } from "./voter.ts";

const voters = new WeakMap<ObjectRuntime, Voter>();

/** The voter of a context: one for all of its locks. */
export function voterOf(runtime: ObjectRuntime): Voter {
  let voter = voters.get(runtime);
  if (!voter) {
    voter = new RedlockVoter({ client: runtime.client, keys: runtime.keys, session: runtime.session.id });
    voters.set(runtime, voter);
    runtime.closing.add(() => voter?.close() ?? Promise.resolve());
  }
  return voter;
}
