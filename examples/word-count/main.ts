import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { stage, verify, verifySpread } from "../stage.ts";
import { countWords, type TextFile, wordsOf } from "./tasks.ts";

const ROOT = join(import.meta.dirname, "../..");

await stage(async (mp) => {
  const files = await textFiles(process.argv[2] ?? ROOT);
  console.log(`counting the words of ${files.length} files on ${(await mp.hosts()).length} hosts`);
  await using pool = mp.pool();
  const counted = await pool.map(countWords, files, { chunkSize: 1 });
  const total = new Map<string, number>();
  for (const { value } of counted) for (const [word, count] of value) total.set(word, (total.get(word) ?? 0) + count);

  const top = [...total].sort((left, right) => right[1] - left[1]).slice(0, 10);
  for (const [word, count] of top) console.log(`${String(count).padStart(8)}  ${word}`);
  verify(
    sameCounts(total, wordsOf(files.map((file) => file.text).join("\n"))),
    `${total.size} different words, the same counts as in one process`,
  );
  await verifySpread(mp, counted);
});

/** Texts and programs below a folder, except installed and built files. */
async function textFiles(folder: string): Promise<TextFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && /\.(md|ts|txt)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/node_modules|[/\\]dist[/\\]|[/\\]\./.test(path.slice(folder.length)));
  return Promise.all(
    paths.sort().map(async (path) => ({ path: path.slice(folder.length + 1), text: await readFile(path, "utf8") })),
  );
}

function sameCounts(left: Map<string, number>, right: Map<string, number>): boolean {
  return left.size === right.size && [...left].every(([word, count]) => right.get(word) === count);
}
