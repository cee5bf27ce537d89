import { task } from "@manyhands/core";
import { noted, sleep } from "../stage.ts";

export const subProcessRun = task("pool-limit.subProcessRun", (name: string) =>
  noted(async () => {
    console.log(`sub-process ${name}: pid ${process.pid}`);
    await sleep(300);
    return name;
  }),
);
