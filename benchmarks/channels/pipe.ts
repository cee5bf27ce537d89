import type { Connection, Context } from "@manyhands/core";
import type { Participants } from "./participants.ts";

/** A number is sent and the answer of another process awaited, one after another. @returns round trips per second */
export async function roundTrips(mp: Context, participants: Participants, count: number): Promise<number> {
  const [here, there] = mp.pipe<number>();
  const way = mp.queue<[Connection<number>]>();
  await way.put([there]);
  const answered = await participants.echo(way, count);
  await there.close();
  const begin = performance.now();
  for (let message = 0; message < count; message += 1) {
    await here.send(message);
    await here.recv();
  }
  const rate = count / ((performance.now() - begin) / 1_000);
  await answered.done;
  await here.close();
  return rate;
}
