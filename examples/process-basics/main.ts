import { stage, takeFrom, twoHosts, verify, verifySpread } from "../stage.ts";
import { type Introduction, introduce } from "./tasks.ts";

// Python: p = Process(target=func, args=("sub-process 1",), name="sub-process 1")
//         p.start()
//         print("main :", os.getpid())
await stage(async (mp) => {
  const told = mp.queue<Introduction>();
  const processes = (await twoHosts(mp)).map((host, index) => {
    const name = `sub-process ${index + 1}`;
    return mp.process(introduce, { args: [name, told], name, host });
  });
  for (const process of processes) await process.start();
  // start() hands the process over and does not wait until it runs.
  console.log(`main: pid ${process.pid} goes on; the pid of the first one: ${processes[0]?.pid ?? "not known yet"}`);
  verify(
    processes.every((process) => process.isAlive() && process.exitcode === null),
    "start() returned before the processes had ended",
  );

  const introductions = await takeFrom(told, processes.length);
  for (const [index, process] of processes.entries()) {
    const introduction = introductions.find(({ name }) => name === `sub-process ${index + 1}`);
    await process.started();
    verify(introduction?.pid === process.pid, `${process.name} and its parent know the same pid, ${process.pid}`);
  }
  verify(
    introductions.every(({ parentPid }) => parentPid === process.pid),
    `their parent is this program, pid ${process.pid}`,
  );

  console.log("main: nothing left to do, and nobody has called join()");
  await verifySpread(mp, processes);
  await mp.close();
  verify(
    processes.every((process) => process.exitcode === 0),
    "the program waited for the end of its processes",
  );
});
