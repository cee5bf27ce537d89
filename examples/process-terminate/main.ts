import { stage, takeFrom, twoHosts, verify, verifySpread } from "../stage.ts";
import { read, spin, write } from "./tasks.ts";

await stage(async (mp) => {
  const messages = mp.queue<number>();
  const done = mp.queue<number>();
  const [left, right] = await twoHosts(mp);
  // Python: pw.start(); pr.start(); pw.join(); pr.terminate()
  const pw = mp.process(write, { args: [messages], name: "writer", host: left });
  const pr = mp.process(read, { args: [messages, done], name: "reader", host: right });
  await pw.start();
  await pr.start();
  await pw.join();
  verify(pw.exitcode === 0, "the writer has ended by itself");
  verify((await takeFrom(done, 5)).join() === "1,2,3,4,5", "the reader has read everything, and waits for more");
  verify(pr.isAlive(), "it would wait for ever");

  await pr.terminate();
  await pr.join();
  verify(pr.exitcode === -15 && !pr.isAlive(), "terminated, its exit code is -15");
  await messages.put(6);
  verify(
    (await messages.get({ timeout: 5_000 })) === 6,
    "a dead reader takes nothing: the next message is still there",
  );

  const ps = mp.process(spin, { name: "spinner", host: left });
  await ps.start();
  await ps.started();
  await ps.terminate();
  await ps.join();
  verify(ps.exitcode === -15, "a loop that never yields is terminated as well");

  const pk = mp.process(read, { args: [messages, done], name: "killed", host: right });
  await pk.start();
  await pk.started();
  await pk.kill();
  await pk.join();
  verify(pk.exitcode === -9, "killed, its exit code is -9");
  await verifySpread(mp, [pw, pr, ps, pk]);
});
