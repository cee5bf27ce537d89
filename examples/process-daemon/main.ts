import type { Process } from "@manyhands/core";
import { stage, takeFrom, twoHosts, verify, verifySpread } from "../stage.ts";
import { stars, startAnother, work } from "./tasks.ts";

await stage(async (mp) => {
  const [left, right] = await twoHosts(mp);
  const refusal = mp.queue<string>();
  const forbidden = mp.process(startAnother, { args: [refusal], daemon: true });
  await forbidden.start();
  const refused = await refusal.get({ timeout: 20_000 });
  console.log(`a daemon that starts a process is told: ${refused}`);
  verify(refused !== "none", "a daemon cannot start processes");
  await forbidden.join();

  // Python: p1 = Process(target=func1); p1.daemon = True; p1.start(); Process(target=func2).start(); time.sleep(3)
  const sky = mp.queue<number>();
  const p1 = mp.process(stars, { args: [sky], host: left });
  p1.daemon = true;
  await p1.start();
  const p2 = mp.process(work, { host: right });
  await p2.start();
  await takeFrom(sky, 5);
  await p2.started();
  await verifySpread(mp, [p1, p2]);
  console.log("main: the program ends here");

  const [daemonEnded, workEnded] = await Promise.all([endOf(p1), endOf(p2), mp.close()]);
  verify(p1.exitcode === -15, "the daemon was terminated with the program");
  verify(p2.exitcode === 0, "the program waited for the other process");
  verify(daemonEnded < workEnded, `which worked on for ${workEnded - daemonEnded} ms without the daemon`);
});

async function endOf(process: Process): Promise<number> {
  await process.sentinel.whenReady;
  return Date.now();
}
