/**
 * No child can be had for a reason of this host's own: its task modules cannot be loaded, the system starts no process,
 * a child dies before it can be used. The job goes back, for another host or for later; the pool is not to blame.
 */
export class ChildUnavailable extends Error {
  override readonly name: string = "ChildUnavailable";
}
