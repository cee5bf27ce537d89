import { task } from "@manyhands/core";
import { noted, sleep } from "../stage.ts";

export const mapSquare = task("pool-map.square", (number: number) =>
  noted(async () => {
    await sleep(100);
    return number ** 2;
  }),
);
