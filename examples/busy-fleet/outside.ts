import { once } from "node:events";
import { createServer, type Server as HttpServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";

/** The servers that the tasks of the fleet talk to: a web server and two mail relays, one of which refuses everybody. */
export interface Outside extends AsyncDisposable {
  readonly ports: ReadonlyMap<string, number>;
}

export async function startOutside(): Promise<Outside> {
  const servers = new Map<string, HttpServer | Server>([
    ["origin", webServer()],
    ["mail-1", relay("235 2.7.0 accepted")],
    ["mail-2", relay("454 4.7.0 temporary authentication failure")],
  ]);
  const ports = new Map<string, number>();
  for (const [name, server] of servers) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    ports.set(name, (server.address() as AddressInfo).port);
  }
  return {
    ports,
    async [Symbol.asyncDispose]() {
      for (const server of servers.values()) {
        server.close();
        if ("closeAllConnections" in server) server.closeAllConnections();
      }
    },
  };
}

function webServer(): HttpServer {
  return createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://shop");
    const [, kind, name = "", part = ""] = url.pathname.split("/");
    const send = (answer: unknown, after: number) => {
      setTimeout(() => response.end(JSON.stringify(answer)), after).unref();
    };
    if (kind === "images") return send({ name, pixels: "0123456789abcdef".repeat(128) }, 1_000);
    // Each seventh page has no link, which its reader does not expect.
    if (kind === "pages") return send(Number(name) % 7 === 3 ? {} : { link: { href: `/pages/${part}` } }, 1_000);
    if (kind !== "partitions") return response.writeHead(404).end();
    // The database of this warehouse takes its time.
    if (name === "nantes") return send({ rows: [] }, 120_000);
    if (name === "porto") return send({ error: "canceling statement due to statement timeout", code: "57014" }, 250);
    send(
      { rows: Array.from({ length: 20 }, (_, index) => ({ sku: `${name}-${part}-${index}`, moved: index * 7 })) },
      250,
    );
  });
}

/** A mail server that answers each line, `login` to the one that authenticates. */
function relay(login: string): Server {
  return createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.setTimeout(10_000, () => socket.destroy());
    socket.write("220 relay ready\r\n");
    socket.setEncoding("utf8").on("data", (line: string) => {
      if (line.startsWith("QUIT")) return socket.end("221 bye\r\n");
      setTimeout(() => socket.write(line.startsWith("AUTH") ? `${login}\r\n` : "250 queued\r\n"), 150);
    });
  });
}
