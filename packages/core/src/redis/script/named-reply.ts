/**
 * For the `read` of a script whose reply is a number that stands for something: what each number means, beside its Lua.
 * `new Script({ …, read: named({ 1: "released", 0: "not held" }) })`
 */
export function named<const Name extends string>(names: Readonly<Record<number, Name>>): (code: number) => Name {
  return (code) => {
    const name = names[code];
    if (name === undefined) throw new Error(`a script replied ${code}, which stands for nothing`);
    return name;
  };
}
