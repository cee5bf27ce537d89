import type { ObjectRuntime } from "../../object/index.ts";
import { QuorumVoter } from "./quorum-voter.ts";
import { RedlockVoter } from "./redlock-voter.ts";
import type { Voter } from "./voter.ts";

const voters = new WeakMap<ObjectRuntime, Voter>();

/** The voter of a context: one for all of its locks. */
export function voterOf(runtime: ObjectRuntime): Voter {
  let voter = voters.get(runtime);
  if (!voter) {
    voter = runtime.lockNodes.length > 0 ? new QuorumVoter(runtime) : oneRedis(runtime);
    voters.set(runtime, voter);
    runtime.closing.add(() => voter?.close() ?? Promise.resolve());
  }
  return voter;
}

function oneRedis({ client, session }: ObjectRuntime): Voter {
  return new RedlockVoter({ client, session: session.id, localTime: (time) => session.localTime(time) });
}
