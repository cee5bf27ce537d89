import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { withRedis } from "../redis.ts";

/** Where the number of tickets is kept: plain data, so that it can be passed to tasks. */
export type Stock = { key: string } | { file: string };

/** What a demo that was killed leaves in Redis goes after this, seconds. */
const LIFETIME = 600;

export async function createStock(kept: "in Redis" | "in a file", count: number): Promise<Stock> {
  const stock =
    kept === "in Redis"
      ? { key: `ticket-grab/${randomUUID()}` }
      : { file: join(await mkdtemp(join(tmpdir(), "ticket-grab-")), "ticket.json") };
  await writeStock(stock, count);
  return stock;
}

export async function readStock(stock: Stock): Promise<number> {
  if ("key" in stock) return withRedis(async (redis) => Number(await redis.get(stock.key)));
  const { count } = JSON.parse(await readFile(stock.file, "utf8")) as { count: number };
  return count;
}

export async function writeStock(stock: Stock, count: number): Promise<void> {
  if ("key" in stock) {
    await withRedis((redis) => redis.set(stock.key, count, "EX", LIFETIME));
    return;
  }
  // Renamed into place, so that nobody reads half a file.
  const draft = `${stock.file}.${randomUUID()}`;
  await writeFile(draft, JSON.stringify({ count }));
  await rename(draft, stock.file);
}

export async function removeStock(stock: Stock): Promise<void> {
  if ("key" in stock) await withRedis((redis) => redis.del(stock.key));
  else await rm(dirname(stock.file), { recursive: true, force: true });
}
