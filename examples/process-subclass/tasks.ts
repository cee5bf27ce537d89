import { Process, type Queue, registerProcess } from "@manyhands/core";
import { here, noted, type Run, sleep } from "../stage.ts";

/** Only `run()` runs in the process. What the constructor put into fields is there. */
export class MyProcess extends Process {
  readonly diary: Queue<Run & { value: string }>;

  constructor(name: string, diary: Queue<Run & { value: string }>, host: string) {
    super({ name, host });
    this.diary = diary;
  }

  override async run(): Promise<void> {
    console.log(`name of the sub-process: ${this.name}, ${here()}`);
    const run = await noted(async () => {
      await sleep(400);
      return this.name;
    });
    await this.diary.put(run);
    console.log(`${this.name} ends, pid ${this.pid}`);
  }
}
registerProcess(MyProcess);
