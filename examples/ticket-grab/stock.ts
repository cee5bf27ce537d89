import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Context, ValueProxy } from "@manyhands/core";

/** Where the number of tickets is kept. Both can be passed to processes. */
export type Stock = ValueProxy<"i"> | { file: string };

export async function createStock(mp: Context, kept: "in Redis" | "in a file", count: number): Promise<Stock> {
  if (kept === "in Redis") return mp.value("i", count);
  const stock = { file: join(await mkdtemp(join(tmpdir(), "ticket-grab-")), "ticket.json") };
  await writeStock(stock, count);
  return stock;
}

export async function readStock(stock: Stock): Promise<number> {
  if (!("file" in stock)) return stock.get();
  const { count } = JSON.parse(await readFile(stock.file, "utf8")) as { count: number };
  return count;
}

export async function writeStock(stock: Stock, count: number): Promise<void> {
  if (!("file" in stock)) return stock.set(count);
  // Renamed into place, so that nobody reads half a file.
  const draft = `${stock.file}.${process.pid}`;
  await writeFile(draft, JSON.stringify({ count }));
  await rename(draft, stock.file);
}

export async function removeStock(stock: Stock): Promise<void> {
  if ("file" in stock) await rm(dirname(stock.file), { recursive: true, force: true });
}
