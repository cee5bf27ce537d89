import { createServer, connect as openSocket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { settledWithin, within } from "../../src/time/index.ts";

test("what has arrived while the program was held up is there, although the time is over", async () => {
  // given: an answer that another end sends at once
  const answered = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (data) => socket.write(data, () => answered.resolve()));
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const socket = openSocket((server.address() as { port: number }).port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
  const answer = new Promise<string>((resolve) => socket.once("data", (data) => resolve(String(data))));
  const isThere = settledWithin(answer, 5);

  // when: it has come into the socket of this program, which is busy until after the limit
  socket.write("hello");
  await answered.promise;
  const until = performance.now() + 50;
  while (performance.now() < until);

  // then
  expect(await isThere).toBe(true);
});

test("the time is over: undefined, and what comes later is ignored", async () => {
  expect(await within(new Promise((resolve) => setTimeout(resolve, 50, 1)), 1)).toBeUndefined();
  expect(await within(Promise.resolve(7), 1)).toEqual({ value: 7 });
  expect(await settledWithin(Promise.reject(new Error("no")), 1)).toBe(true);
  expect(await settledWithin(new Promise(() => {}), 0)).toBe(false);
});
