import { type CallForm, type OptionTypes, optionsOf } from "../../checks/index.ts";
import { PATIENCE } from "../../time/index.ts";
import { type SubmitOptions, UPDATES } from "../submission/index.ts";
import type { Callbacks } from "./async-result.ts";
import type { ImapCallOptions, MapOptions } from "./pool.ts";

/** The options of a submission. */
export const SUBMIT: OptionTypes = optionsOf<SubmitOptions>({
  delay: true,
  priority: true,
  attempts: true,
  backoff: true,
  timeout: true,
  softTimeout: true,
  deduplication: true,
  lifo: "boolean",
  jobId: true,
  tags: true,
  resultTtl: true,
  expires: true,
  limitKey: true,
});
const CALLBACKS = optionsOf<Callbacks<unknown>>({ callback: "function", errorCallback: "function" });
const MAP: OptionTypes = {
  ...SUBMIT,
  ...optionsOf<Omit<MapOptions, keyof SubmitOptions>>({ chunkSize: true, errors: true }),
};
const IMAP: OptionTypes = {
  ...SUBMIT,
  ...optionsOf<Omit<ImapCallOptions, keyof SubmitOptions>>({ chunkSize: true, bufferSize: true, errors: true }),
};
const WAIT = { rejects: true, most: 1, options: { 0: PATIENCE }, orElse: ["boolean"] } as const;

function call(form: string, known: OptionTypes): CallForm {
  return { form, most: 3, options: { 2: known } };
}

function awaited(form: string, known: OptionTypes): CallForm {
  return { ...call(form, known), rejects: true };
}

/** How each method of a pool is called. */
export const POOL_FORMS: { readonly [method: string]: CallForm } = {
  apply: awaited("pool.apply(task, args, { timeout, attempts, ... })", SUBMIT),
  applyAsync: call("pool.applyAsync(task, args, { callback, errorCallback, ... })", { ...SUBMIT, ...CALLBACKS }),
  map: awaited("pool.map(task, items, { chunkSize, ... })", MAP),
  mapAsync: call("pool.mapAsync(task, items, { chunkSize, callback, ... })", { ...MAP, ...CALLBACKS }),
  starmap: awaited("pool.starmap(task, argumentLists, { chunkSize, ... })", MAP),
  starmapAsync: call("pool.starmapAsync(task, argumentLists, { chunkSize, callback, ... })", { ...MAP, ...CALLBACKS }),
  imap: call("pool.imap(task, items, { chunkSize, bufferSize, ... })", IMAP),
  imapUnordered: call("pool.imapUnordered(task, items, { chunkSize, bufferSize, ... })", IMAP),
  submit: awaited("pool.submit(task, args, { timeout, attempts, ... })", SUBMIT),
  close: { form: "pool.close()", most: 0 },
  join: { form: "pool.join({ block, timeout, signal })", ...WAIT },
  terminate: { form: "pool.terminate()", most: 0 },
  remove: { form: "pool.remove({ force })", most: 1, options: { 0: { force: "boolean" } } },
};

/** How results are waited for. */
export const RESULT_FORMS: { readonly [method: string]: CallForm } = {
  get: { form: "result.get({ block, timeout, signal })", ...WAIT },
  wait: { form: "result.wait({ block, timeout, signal })", ...WAIT },
  submitted: { form: "result.submitted()", most: 0, rejects: true },
  state: { form: "result.state()", most: 0, rejects: true },
  updates: { form: "result.updates({ from, timeout, signal })", most: 1, options: { 0: UPDATES } },
  cancel: { form: "result.cancel(reason)", most: 1, noOptions: [0] },
  ready: { form: "result.ready()", most: 0 },
  successful: { form: "result.successful()", most: 0 },
};

/** How the results of an imap are read. */
export const IMAP_FORMS: { readonly [method: string]: CallForm } = {
  next: { form: "results.next({ block, timeout, signal })", ...WAIT },
};
