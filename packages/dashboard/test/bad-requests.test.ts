import { connect } from "node:net";
import { useRedis } from "@manyhands/testing";
import { describe, expect, test } from "vitest";
import { ask } from "./fixtures/ask.ts";
import { BEARER, dashboardFor, TOKEN } from "./fixtures/dashboard.ts";

const redis = useRedis();

/** Sends bytes as they are. @returns what comes back until the other side closes, or for a second */
function send(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    socket.setEncoding("utf8").on("data", (part: string) => {
      answer += part;
      if (/\r\n\r\n/.test(answer)) socket.destroy();
    });
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on("error", () => {});
    socket.on("close", () => resolve(answer));
  });
}

const TARGETS = [
  "//",
  "///",
  "//[",
  "http://[",
  "*",
  "/%",
  "/%zz?%",
  "/?token=%",
  "/events?x=%00",
  "/bull-board/api/queues/%zz/pause",
  "/bull-board/%2e%2e/%2e%2e/etc/passwd",
  "/bull-board/api/queues/constructor/__proto__/toString",
];
const HOSTS = ["", "[", "a b", "127.0.0.1:99999", "user:pass@127.0.0.1", "x".repeat(5_000)];

describe("a dashboard survives malformed requests", () => {
  test("with any target, host, method and headers", async () => {
    // given
    const { port, origin } = await dashboardFor({ redis: redis.url, namespace: redis.namespace() });
    const headers = `authorization: Bearer ${TOKEN}\r\norigin: ://[\r\ncookie: =;;%;constructor=1\r\naccept: ;;,\r\n`;

    // when
    const requests = [
      ...TARGETS.flatMap((target) =>
        ["GET", "POST", "CONNECT"].map((method) => `${method} ${target} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n`),
      ),
      ...HOSTS.map((host) => `GET / HTTP/1.1\r\nhost: ${host}\r\n`),
    ].map((head) => `${head}${headers}content-length: 0\r\nconnection: close\r\n\r\n`);
    const answers = await Promise.all([
      ...requests.map((request) => send(port, request)),
      send(port, "\0\x01 nonsense\r\n\r\n"),
      send(port, "GET / HTTP/1.1\r\n\r\n"),
      send(port, "POST /token HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n"),
    ]);

    // then
    expect(answers.filter((answer) => /^HTTP\/1\.1 5/.test(answer))).toEqual([]);
    expect((await ask(origin, "/metrics", { headers: BEARER })).status).toBe(200);
  });

  test.each(["/bull-board/api/queues/default/add", "/bull-board/api/queues/constructor/pause", "/nothing"])(
    "PUT and POST %s with a body that is no JSON",
    async (path) => {
      const { port, origin } = await dashboardFor({ redis: redis.url, namespace: redis.namespace() });
      const head = `HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer ${TOKEN}\r\n`;
      for (const method of ["PUT", "POST"]) {
        const body = '{"__proto__":{"polluted":1}';
        await send(
          port,
          `${method} ${path} ${head}content-type: application/json\r\ncontent-length: 27\r\n\r\n${body}`,
        );
      }
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
      expect((await ask(origin, "/metrics", { headers: BEARER })).status).toBe(200);
    },
  );
});
