import { within } from "@manyhands/core/internal";
import { type Actor, type ActorOptions, type ActorProcess, startActorProcess } from "./actor.ts";
import { aroundAll, atEnd } from "./cleanup.ts";

/** A program that does not leave within this time is killed, ms. */
const LEAVING = 2_000;

/**
 * A program that is lent to one test after another, each time with another context: starting one takes longer than most
 * tests. Call it at the top of a `describe`. Tests that kill or freeze somebody start an actor of their own.
 */
export function useActor(): (options: ActorOptions) => Promise<Pick<Actor, "run">> {
  let actor: ActorProcess | undefined;
  const end = async (): Promise<void> => {
    actor?.kill();
    await actor?.exited;
    actor = undefined;
  };
  aroundAll(async () => {}, end);
  return async (options) => {
    if (!actor || actor.hasEnded) actor = startActorProcess();
    const lent = actor;
    atEnd(async () => {
      const left = lent.leave().then(
        () => true,
        () => false,
      );
      if (!(await within(left, LEAVING))?.value) await end();
    });
    await lent.enter(options);
    return { run: (body, ...args) => lent.run(body, ...args) };
  };
}
