/** Between two looks, ms. */
const INTERVAL = 1_000;

/** Ends this process when the one that started it is gone: who was killed cannot end what it has started. */
export function endWithParent(): void {
  const parent = process.ppid;
  // An orphan gets another parent.
  setInterval(() => process.ppid === parent || process.exit(1), INTERVAL).unref();
}
