import { expect, test } from "vitest";
import { registerError, ValueError } from "../../src/errors/index.ts";

test("registerError gives the class back, and may be called again", () => {
  class Once extends Error {}
  expect(registerError(Once)).toBe(Once);
  expect(registerError(Once)).toBe(Once);
});

test("registerError refuses what is no class of errors, nameless classes, and a second class of a name", () => {
  expect(() => registerError(Map as never)).toThrow(ValueError);
  expect(() => registerError("Once" as never)).toThrow(ValueError);
  expect(() => registerError((() => class extends Error {})())).toThrow(/class with a name/);
  const make = () => class Twice extends Error {};
  registerError(make());
  expect(() => registerError(make())).toThrow(/another class "Twice" is registered already/);
});
