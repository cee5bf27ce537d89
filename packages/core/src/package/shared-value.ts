/** One value per process under a well-known symbol, for any number of copies of this package. */
export function shared<Value>(name: string, create: () => Value): Value {
  const symbol = Symbol.for(name);
  const holder = globalThis as Record<symbol, unknown>;
  holder[symbol] ??= create();
  return holder[symbol] as Value;
}
