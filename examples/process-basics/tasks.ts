import { currentProcess, parentProcess, type Queue, task } from "@manyhands/core";
import { here, sleep } from "../stage.ts";

export interface Introduction {
  name: string;
  pid: number;
  parentPid: number | undefined;
}

export const introduce = task("process-basics.introduce", async (name: string, told: Queue<Introduction>) => {
  const parent = parentProcess();
  console.log(`start: ${name} is ${here()}, called ${currentProcess().name}`);
  // Python's getppid(): on another machine, the operating system's parent is the worker host.
  console.log(
    `${name}: started by pid ${parent?.pid} on ${parent?.host}, run by the worker host's pid ${process.ppid}`,
  );
  await told.put({ name: currentProcess().name, pid: process.pid, parentPid: parent?.pid });
  await sleep(300);
  console.log(`end: ${name}`);
});
