/**
 * How a host names its BullMQ workers, which BullMQ saves as `processedBy` of the jobs that they take: `<host>/<pid>`.
 */
export function workerName(host: string, pid: number): string {
  return `${encodeURIComponent(host.toWellFormed())}/${pid}`;
}

/** The host that took a job. What another worker of BullMQ calls itself stays as it is. */
export function hostOf(worker: string): string {
  const [, encoded] = /^([^/]*)\/\d+$/.exec(worker) ?? [];
  if (encoded === undefined) return worker;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return worker;
  }
}
