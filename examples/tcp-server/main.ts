import { mostAtOnce, stage, takeFrom, twoHosts, verify, verifySpread } from "../stage.ts";
import { accept, type Talk, visit } from "./tasks.ts";

const CLIENTS = 3;

// Python: sk.bind(("127.0.0.1", 9001)); sk.listen()
//         while True: conn, addr = sk.accept(); Process(target=communicate, args=(conn,)).start()
await stage(async (mp) => {
  const ports = mp.queue<number>();
  const talks = mp.queue<Talk>();
  const visits = mp.queue<Talk>();
  const [left, right] = await twoHosts(mp);
  const acceptor = mp.process(accept, { args: [ports, right, talks], name: "acceptor", host: left });
  await acceptor.start();
  const port = await ports.get({ timeout: 20_000 });

  // It listens at 127.0.0.1, so the clients are on its machine.
  const clients = Array.from({ length: CLIENTS }, () => mp.process(visit, { args: [port, visits], host: left }));
  for (const client of clients) await client.start();
  for (const client of clients) await client.join();
  const seen = await takeFrom(visits, CLIENTS);
  const handled = await takeFrom(talks, CLIENTS);
  await acceptor.terminate();
  await acceptor.join();

  verify(
    seen.every((visit) => visit.value.isComplete),
    "every client got back each byte that it had sent",
  );
  verify(
    new Set(handled.map((talk) => talk.pid)).size === CLIENTS,
    `${CLIENTS} processes talked to ${CLIENTS} clients`,
  );
  verify(
    handled.every((talk) => seen.some((visit) => visit.value.greeting === `hello from ${talk.host} pid ${talk.pid}`)),
    "each client talked to one of them",
  );
  verify(
    handled.every((talk) => talk.host === right && talk.value.isComplete),
    `they ran on ${right}, while the sockets were on ${left}`,
  );
  console.log(`  at most ${mostAtOnce(handled)} talked at once`);
  await verifySpread(mp, [acceptor, ...clients, ...handled]);
  verify(acceptor.exitcode === -15, "the acceptor would have gone on for ever, and was terminated");
});
