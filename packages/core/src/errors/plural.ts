/** `1 task`, `3 tasks`; of `process` give the plural. */
export function plural(amount: number, noun: string, nouns: string = `${noun}s`): string {
  return `${amount} ${amount === 1 ? noun : nouns}`;
}
