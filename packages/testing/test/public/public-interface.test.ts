import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { publicDeclarations } from "./declarations.ts";

const PACKAGES = fileURLToPath(new URL("../../..", import.meta.url));

test.each([
  ["core", "index"],
  ["core", "redis/server/index"],
  ["core", "testing/index"],
  ["worker", "index"],
  ["dashboard", "index"],
])("what users of %s see (%s) changes only on purpose", async (name, entry) => {
  const declarations = publicDeclarations(`${PACKAGES}/${name}/dist/${entry}.d.ts`);
  // A change that is meant: `pnpm test public-interface -u`, and a line in CHANGELOG.md.
  await expect(declarations).toMatchFileSnapshot(
    `./${name}-${entry.replace("/index", "").replaceAll("/", "-")}.d.ts.txt`,
  );
  // Arguments of just any task or class, to which nothing else is assignable; "a map of any" would be a hole in the types.
  // `mp.any` is a method.
  expect(declarations.replace(/Task<any\[\], unknown>|\(\.\.\.args: any\[\]\) =>|^ +any<Of/gm, "")).not.toMatch(
    /\bany\b/,
  );
});
