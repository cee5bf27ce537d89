import { shared } from "../package/index.ts";

const state: { loading: number } = shared("manyhands.loadingTasks", () => ({ loading: 0 }));

/** True while a worker host imports task modules: a program's main part must not run then (P22). */
export function isLoadingTasks(): boolean {
  return state.loading > 0;
}

/** Marks the import of task modules. For worker hosts. */
export async function whileLoadingTasks<Value>(load: () => Promise<Value>): Promise<Value> {
  state.loading += 1;
  try {
    return await load();
  } finally {
    state.loading -= 1;
  }
}
