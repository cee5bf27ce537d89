/** A URL for people to read: its password is not part of it. */
export function hidePassword(url: string): string {
  return url.replace(/(:\/\/[^:@/]*):[^@/]*@/, "$1:***@");
}
