import { isWrongType } from "../../wire/records/stored-record.ts";
import { type FindContext, type FoundTask, type JobPlace, nameHosts, readPlaces, specOf } from "./find-rows.ts";
import { checkQuery } from "./task-query.ts";

/** The tasks that hosts take next from a pool, in their order: those without a priority come first. */
export async function readNextTasks(
  context: FindContext,
  { pool, limit }: { pool: string; limit: number },
): Promise<FoundTask[]> {
  const { client, keys } = context;
  // BullMQ adds to a list at the left and takes from it at the right.
  const [wait, paused, prioritized] = await Promise.all([
    client.lrange(keys.queue(pool, "wait"), -limit, -1).catch(noneIfWrongType),
    client.lrange(keys.queue(pool, "paused"), -limit, -1).catch(noneIfWrongType),
    client.zrange(keys.queue(pool, "prioritized"), 0, String(limit - 1)).catch(noneIfWrongType),
  ]);
  const ids = [...wait.reverse(), ...paused.reverse(), ...prioritized].slice(0, limit);
  const places = ids.map((id): JobPlace => [pool, id]);
  const { found } = await readPlaces(context, specOf(context, checkQuery("pools.next()", { pool })), { places });
  nameHosts(found, context.hosts);
  return found.map(({ task }) => task);
}

function noneIfWrongType(error: unknown): string[] {
  if (isWrongType(error)) return [];
  throw error;
}
