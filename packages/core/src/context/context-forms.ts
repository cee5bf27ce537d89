import { type CallForm, optionsOf, strictCalls } from "../checks/index.ts";
import { KINDS } from "../shared/kinds.ts";
import { PATIENCE } from "../time/index.ts";
import type { PoolOptions } from "../work/pool/index.ts";
import { SUBMIT } from "../work/pool/pool-forms.ts";
import type { ProcessOptions } from "../work/process/index.ts";

const POOL = optionsOf<PoolOptions>({
  name: true,
  initializer: true,
  initArgs: true,
  maxTasksPerChild: true,
  isolation: true,
  fence: true,
  keep: true,
  onDead: true,
  limits: true,
});
const PROCESS = optionsOf<ProcessOptions>({ args: true, name: true, daemon: "boolean", host: true });

/** How each method of a context is called. */
export const CONTEXT_FORMS: { readonly [method: string]: CallForm } = {
  ...makersOf("mp"),
  pool: {
    form: "mp.pool(size, { name, initializer, ... }), of all slots mp.pool(undefined, { name })",
    most: 2,
    options: { 1: POOL },
    noOptions: [0],
  },
  submit: {
    form: "mp.submit(task, args, { pool, timeout, attempts, ... })",
    most: 3,
    options: { 2: { pool: "text", ...SUBMIT } },
    rejects: true,
  },
  task: {
    form: "mp.task(id, { pool }) or mp.task(task, id, { pool })",
    most: 3,
    options: { 1: { pool: "text" }, 2: { pool: "text" } },
    orElse: ["string"],
  },
  process: {
    form: "mp.process(task, { args, name, daemon, host })",
    most: 2,
    options: { 1: PROCESS },
    noOptions: [0],
  },
  wait: {
    form: "mp.wait(objects, { block, timeout, signal })",
    most: 2,
    options: { 1: PATIENCE },
    orElse: ["number", "boolean"],
  },
  asCompleted: {
    form: "mp.asCompleted(results, { block, timeout, signal })",
    most: 2,
    options: { 1: PATIENCE },
    orElse: ["boolean"],
  },
  any: {
    form: "mp.any(results, { block, timeout, signal })",
    most: 2,
    options: { 1: PATIENCE },
    orElse: ["boolean"],
    rejects: true,
  },
  activeChildren: { form: "mp.activeChildren()", most: 0 },
  hosts: { form: "mp.hosts()", most: 0 },
  cpuCount: { form: "mp.cpuCount()", most: 0 },
  close: { form: "mp.close({ timeout })", most: 1, options: { 0: { timeout: true } } },
};

/** How each method of a manager that makes something is called. */
export const MANAGER_FORMS: { readonly [method: string]: CallForm } = makersOf("manager");

/** The methods that make handles, as the kinds state them. */
function makersOf(maker: "mp" | "manager"): { [method: string]: CallForm } {
  const forms: { [method: string]: CallForm } = {};
  for (const { makers } of KINDS) {
    for (const [method, { of, ...call }] of Object.entries(makers)) {
      if (of === "both" || of === maker) forms[method] = { ...call, form: call.form.replaceAll("mp.", `${maker}.`) };
    }
  }
  return forms;
}

/** Makes the methods of shared objects that wait refuse arguments which they do not take. */
export function refuseMoreThanPatience(): void {
  for (const { of, handles, methods } of KINDS.flatMap(({ waits }) => waits)) {
    const form = ([method, args]: [string, readonly string[]]): [string, CallForm] => [
      method,
      callForm(of, method, args),
    ];
    strictCalls(handles.prototype, Object.fromEntries(Object.entries(methods).map(form)));
  }
}

/** How a method is called that answers with a promise. @param args - As messages show them. */
export function callForm(of: string, method: string, args: readonly string[]): CallForm {
  const functions = args[0] === "body" || args[0] === "predicate" ? [0] : [];
  return { form: `${of}.${method}(${args.join(", ")})`, most: args.length, functions, rejects: true };
}
