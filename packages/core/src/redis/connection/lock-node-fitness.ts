import { RedisUnfitError, ValueError } from "../../errors/index.ts";
import type { Logger } from "../../package/index.ts";
import { assertRedisFit } from "./fitness.ts";
import { closeRedis, openRedis } from "./open.ts";
import { describeRedis, type RedisConfig } from "./redis-config.ts";

/** Longest wait for the answers of a node, ms: also of one on another continent, which takes some five round trips. */
const ANSWER_LIMIT = 3_000;

/**
 * Looks at the masters that are to vote on locks. A minority that is away or unfit is worth a warning only: locks work
 * without it.
 *
 * @throws RedisUnfitError when fewer than a majority are fit
 * @throws ValueError when two of them are the same server
 */
export async function assertLockNodesFit(nodes: readonly RedisConfig[], logger: Logger): Promise<void> {
  const looks = await Promise.all(nodes.map(look));
  const failures = looks.flatMap((one) => ("error" in one ? [one.error] : []));
  const [first] = failures;
  if (first && failures.length > nodes.length / 2) {
    throw new RedisUnfitError(
      `${failures.length} of the ${nodes.length} lockNodes cannot vote on locks: ${first.message}`,
      { cause: first },
    );
  }
  for (const error of failures) logger.warn(`one of the lockNodes cannot vote on locks: ${error.message}`);
  const seen = new Map<string, string>();
  for (const one of looks) {
    if ("error" in one) continue;
    const other = seen.get(one.runId);
    if (other) {
      throw new ValueError(`lockNodes must be different Redis servers; ${other} and ${one.where} are the same one`);
    }
    seen.set(one.runId, one.where);
  }
}

async function look(node: RedisConfig): Promise<{ where: string; runId: string } | { error: Error }> {
  const client = openRedis(node, { name: "manyhands:lock-node" });
  try {
    const { runId } = await assertRedisFit(client, node, { timeout: ANSWER_LIMIT });
    return { where: describeRedis(node), runId };
  } catch (error) {
    return { error: error as Error };
  } finally {
    void closeRedis(client);
  }
}
