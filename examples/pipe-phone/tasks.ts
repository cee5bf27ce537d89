import { type Connection, type Queue, task } from "@manyhands/core";
import { here, sleep } from "../stage.ts";

export const call = task("pipe-phone.call", async (conn: Connection<unknown>) => {
  await conn.send([42, null, "hello"]);
  const heard = await conn.recv();
  console.log("son process hears:", heard, here());
  await conn.send(`you said: ${heard}`);
  await conn.close();
});

export const write = task("pipe-phone.write", async (writer: Connection<number>, count: number) => {
  for (let value = 0; value < count; value += 1) {
    await sleep(30);
    console.log(`sends ${value}, ${here()}`);
    await writer.send(value);
  }
});

/** `recv` waits while there is nothing, and the loop ends with the last writer. */
export const read = task("pipe-phone.read", async (reader: Connection<number>, seen: Queue<number>) => {
  for await (const value of reader) {
    console.log(`receives ${value}, ${here()}`);
    await seen.put(value);
  }
  console.log(`nobody is there to send any more, ${here()}`);
});
