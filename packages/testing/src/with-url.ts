/** The same Redis URL with another port, password, user or database, for tests of bad addresses. */
export function withUrl(
  url: string,
  change: { port?: number; password?: string; username?: string; database?: number },
): string {
  const changed = new URL(url);
  if (change.port !== undefined) changed.port = String(change.port);
  if (change.password !== undefined) changed.password = encodeURIComponent(change.password);
  if (change.username !== undefined) changed.username = encodeURIComponent(change.username);
  if (change.database !== undefined) changed.pathname = `/${change.database}`;
  return changed.href;
}
