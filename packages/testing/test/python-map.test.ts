// docs/python-map.md has a line for every public name of Python's multiprocessing and concurrent.futures.
import { expect, test } from "vitest";
import { read } from "../../../scripts/docs.ts";

/** `__all__` of CPython's modules, and the public members of their classes. */
const NAMES: Record<string, string> = {
  multiprocessing:
    "Array AuthenticationError Barrier BoundedSemaphore BufferTooShort Condition Event JoinableQueue Lock Manager Pipe Pool Process " +
    "ProcessError Queue RLock RawArray RawValue Semaphore SimpleQueue TimeoutError Value active_children " +
    "allow_connection_pickling cpu_count current_process freeze_support get_all_start_methods get_context get_logger " +
    "get_start_method log_to_stderr parent_process reducer set_executable set_forkserver_preload set_start_method dummy",
  "multiprocessing.managers": "BaseManager SyncManager BaseProxy Token SharedMemoryManager",
  "multiprocessing.connection": "Client Listener Pipe wait",
  "multiprocessing.shared_memory": "SharedMemory ShareableList",
  "multiprocessing.sharedctypes": "RawValue RawArray Value Array copy synchronized",
  "multiprocessing.pool":
    "ThreadPool apply apply_async close imap imap_unordered join map starmap terminate get ready successful wait",
  Process:
    "authkey close daemon exitcode ident is_alive join kill name pid run sentinel start terminate interrupt kwargs group",
  "concurrent.futures":
    "FIRST_COMPLETED FIRST_EXCEPTION ALL_COMPLETED CancelledError TimeoutError BrokenExecutor Future Executor as_completed " +
    "ThreadPoolExecutor ProcessPoolExecutor InterpreterPoolExecutor BrokenProcessPool InvalidStateError submit shutdown cancel_futures " +
    "add_done_callback cancelled running done result exception set_result set_exception terminate_workers kill_workers",
};

test.each(Object.entries(NAMES))("every public name of %s", (_module, names) => {
  const code = [...read("docs/python-map.md").matchAll(/`([^`]+)`/g)].map(([, words]) => words).join("\n");
  // Code spans only: a word of the prose is no line of its own.
  const known = new Set(code.match(/\w+/g));

  expect(names.split(" ").filter((name) => !known.has(name))).toEqual([]);
});
