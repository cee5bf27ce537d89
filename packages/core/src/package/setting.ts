/**
 * A setting or secret as it was meant: editors put a byte order mark before a text, and a mounted secret or `echo` a
 * line break after it. Spaces stay.
 */
export function trimSetting(text: string): string {
  return withoutByteOrderMark(text).replace(/^[\r\n]+|[\r\n]+$/g, "");
}

/** JSON may not begin with a byte order mark, but files and streams of some programs do. */
export function withoutByteOrderMark(text: string): string {
  return text.startsWith("\uFEFF") ? text.slice(1) : text;
}

/** The first of these environment variables that is set; one that is empty, or holds line breaks alone, is not. */
export function environmentSetting(...names: readonly string[]): string | undefined {
  return settingIn(process.env, ...names)?.value;
}

/** As {@link environmentSetting}, with the name of the variable. */
export function settingIn(
  environment: Readonly<Record<string, string | undefined>>,
  ...names: readonly string[]
): { value: string; source: string } | undefined {
  for (const source of names) {
    const value = trimSetting(environment[source] ?? "");
    if (value !== "") return { value, source };
  }
  return undefined;
}
