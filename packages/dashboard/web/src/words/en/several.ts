/** `1 task`, `12 tasks`. @param many - A number, or a text with one in it */
export function several(many: number | string, one: string): string {
  return `${many} ${one}${String(many) === "1" ? "" : "s"}`;
}
