/**
 * How far the servers of this run are from their clients, milliseconds in each direction: MANYHANDS_TEST_DISTANCE. A
 * test whose own times assume a near Redis adds multiples of it.
 *
 * @returns 0 without the variable
 */
export function testDistance(): number {
  const text = process.env["MANYHANDS_TEST_DISTANCE"] ?? "";
  const distance = Number(text);
  if (!(distance >= 0)) throw new Error(`MANYHANDS_TEST_DISTANCE must be milliseconds, such as 3; got "${text}"`);
  return distance;
}
