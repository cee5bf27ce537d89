/** A URL for people to read: its password is not part of it, also where it was not encoded. */
export function hidePassword(url: string): string {
  return url.replace(/^([a-z+]+:\/\/)?([^:@/]*):.*@/is, "$1$2:***@").replace(/(sentinelPassword=)[^&]*/gi, "$1***");
}
