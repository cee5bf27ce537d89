import { isDeepStrictEqual } from "node:util";
import { type Connection, EndOfFileError } from "@manyhands/core";
import { stage, takeFrom, twoHosts, verify, verifyEnds } from "../stage.ts";
import { call, read, write } from "./tasks.ts";

await stage(async (mp) => {
  const [left, right] = await twoHosts(mp);

  // Python: parent_conn, child_conn = Pipe(); p = Process(target=f, args=(child_conn,)); p.start()
  //         print(parent_conn.recv()); parent_conn.send("i am parent process"); p.join()
  const [parentConn, childConn] = mp.pipe();
  const p = mp.process(call, { args: [childConn], host: left });
  await p.start();
  await childConn.close(); // The process has its own. When that is closed too, nobody is at the other end.
  const first = await parentConn.recv();
  console.log(first);
  verify(isDeepStrictEqual(first, [42, null, "hello"]), "the program heard the process");
  await parentConn.send("i am parent process");
  verify((await parentConn.recv()) === "you said: i am parent process", "the process heard the program");
  await p.join();
  verify(await isOver(parentConn), "then it hung up");

  // Python: reader, writer = Pipe(False); one process sends, the other receives
  const [reader, writer] = mp.pipe<number>(false);
  const seen = mp.queue<number>();
  const pw = mp.process(write, { args: [writer, 10], host: left });
  const pr = mp.process(read, { args: [reader, seen], host: right });
  await pw.start();
  await pr.start();
  await writer.close();
  await reader.close();
  await pw.join();
  await pr.join();
  const values = await takeFrom(seen, 10);
  verify(values.join() === "0,1,2,3,4,5,6,7,8,9", "all that was sent from one process arrived at the other, in order");
  await verifyEnds(mp, [p, pw, pr]);
});

async function isOver(connection: Connection): Promise<boolean> {
  return connection.recv({ timeout: 10_000 }).then(
    () => false,
    (error: unknown) => error instanceof EndOfFileError,
  );
}
