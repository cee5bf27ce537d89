/** The option of every command that takes the id of a task. */
export interface InPool {
  pool?: string;
}

/** For the inspector: ids are unique in their pool only. */
export function inPool({ pool }: InPool): InPool {
  return pool === undefined ? {} : { pool };
}
