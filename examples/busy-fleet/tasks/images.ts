import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { currentTask, task } from "@manyhands/core";
import { ask } from "../addresses.ts";

/** Fetches an image, and writes a smaller one to the scratch disk of the host. */
export const makeThumbnail = task(
  "thumb.make",
  async (path: string, width: number) => {
    const image = (await (await ask(`/images/${encodeURIComponent(path)}`)).json()) as { pixels: string };
    currentTask().progress(50);
    const thumbnail = createHash("sha256").update(image.pixels).update(String(width)).digest("hex");
    await writeFile(process.env["SHOP_SCRATCH"] ?? "/dev/null", thumbnail);
    return { path, width, thumbnail };
  },
  { attempts: 3, backoff: { type: "exponential", delay: 2_000 }, timeout: 20_000 },
);
