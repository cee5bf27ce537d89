import { type Queue, task } from "@manyhands/core";
import { here, stage, takeFrom, twoHosts, verify, verifyEnds } from "../stage.ts";

// This one file is the program and, for the worker hosts, the tasks. Whatever stands outside the guard runs wherever the file
// is loaded: in the program, in every host and in every process that they start.

interface Look {
  isMain: boolean;
  ranGuarded: boolean;
}

let ranGuarded = false;

export const look = task("main-guard.look", async (looks: Queue<Look>) => {
  console.log(`in the process: import.meta.main is ${import.meta.main}, ${here()}`);
  await looks.put({ isMain: import.meta.main, ranGuarded });
});

// Python: if __name__ == "__main__":
if (import.meta.main) {
  ranGuarded = true;
  console.log(`in the program: import.meta.main is ${import.meta.main}, pid ${process.pid}`);
  await stage(async (mp) => {
    const looks = mp.queue<Look>();
    const processes = (await twoHosts(mp)).map((host) => mp.process(look, { args: [looks], host }));
    for (const process of processes) await process.start();
    for (const process of processes) await process.join();
    await verifyEnds(mp, processes);

    const seen = await takeFrom(looks, processes.length);
    verify(
      seen.every((one) => !one.isMain),
      "the hosts' processes import this file, as a module",
    );
    verify(
      seen.every((one) => !one.ranGuarded),
      "what is under the guard ran in the program alone",
    );
  });
}
