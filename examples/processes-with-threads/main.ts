import { stage, takeFrom, verify, verifyEnds } from "../stage.ts";
import { run, type ThreadNote } from "./tasks.ts";

// Python: def run(name): …; t = threading.Thread(target=thread_run); t.start()
//         for i in range(10): p = Process(target=run, args=("bob %s" % i,)); p.start()
await stage(async (mp) => {
  const notes = mp.queue<ThreadNote>();
  const processes = Array.from({ length: 10 }, (_, index) => mp.process(run, { args: [`bob ${index}`, notes] }));
  for (const process of processes) await process.start();
  for (const process of processes) await process.join();
  await verifyEnds(mp, processes);

  verify((await notes.qsize()) === 10, "each process ended when its thread had");
  for (const note of await takeFrom(notes, 10)) {
    console.log(`thread ${note.threadId} of pid ${note.pid} (${note.name}) is done`);
    const owner = processes[Number(note.name.slice("bob ".length))];
    verify(note.threadId > 0 && note.pid === owner?.pid, `${note.name} had a thread inside its process`);
  }
});
