import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";

const program = `
  import { encode } from ${JSON.stringify(import.meta.resolve("../../../src/wire/codec/index.ts"))};
  import { printOutput } from ${JSON.stringify(import.meta.resolve("../../../src/work/process/output-relay.ts"))};
  await new Promise((resolve) => process.stdin.once("data", resolve));
  const pieces = Array.from({ length: 30 }, (_, index) => [index % 2 ? "stderr" : "stdout", index + "\\n"]);
  printOutput(encode(pieces));
  await new Promise((resolve) => setImmediate(resolve));
  printOutput(encode(pieces));
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  if (process.stdout.listenerCount("error") + process.stderr.listenerCount("error") > 0) process.exit(3);
  process.exit(7);
`;

/** Runs the program, which prints when it is told to. @returns its exit code and stderr */
async function run({ isBroken }: { isBroken: boolean }): Promise<{ code: number; stderr: string; stdout: string }> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "pipe" });
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (piece: string) => {
      text[name] += piece;
    });
  }
  if (isBroken) {
    child.stdout.destroy();
    await once(child.stdout, "close");
  }
  child.stdin.end("print\n");
  const [code] = (await once(child, "close")) as [number];
  return { code, ...text };
}

test("P9: a program whose stdout is not read any more prints what its processes write, and lives on", async () => {
  const { code, stderr } = await run({ isBroken: true });
  expect(stderr).not.toContain("EPIPE");
  expect(code).toBe(7);
});

test("many pieces in one message are printed in order, without a warning of Node", async () => {
  const { code, stdout, stderr } = await run({ isBroken: false });
  const numbers = (first: number): string =>
    Array.from({ length: 30 }, (_, index) => index)
      .filter((index) => index % 2 === first)
      .map((index) => `${index}\n`)
      .join("");
  expect(stderr).toBe(numbers(1) + numbers(1));
  expect(stdout).toBe(numbers(0) + numbers(0));
  expect(code).toBe(7);
});
