import { expect, test } from "vitest";
import { constantOf, quoteComplaints } from "../../../../scripts/quoted-constants.ts";

test.each([
  ["a lease is 30 s<!-- =LEASE a.ts -->.", 30_000],
  ["up to `64 KiB`<!-- =LEASE a.ts -->", 65_536],
  ["every two seconds<!-- =LEASE a.ts -->", 2_000],
  ["to 2 000 000 ms<!-- =LEASE a.ts -->", 2_000_000],
  ["1 hour<!-- =LEASE a.ts -->", 3_600_000],
  ["after 70 %<!-- =LEASE a.ts -->", 0.7],
  ["at most 64<!-- =LEASE a.ts --> calls", 64],
])("%s agrees with %d and with no other number", (text, value) => {
  expect(quoteComplaints(text, () => value)).toEqual([]);
  expect(quoteComplaints(text, () => value + 1)).toHaveLength(1);
});

test("a comment that names a constant behind no figure, or none that is there, is a complaint", () => {
  const what = (text: string) => quoteComplaints(text, constantOf).map((complaint) => complaint.what);
  expect(what("a lease<!-- =DEFAULT_LEASE core/src/session/lease.ts -->")).toEqual([
    expect.stringMatching(/^no figure stands before/),
  ]);
  expect(what("30 s<!-- =DEFAULT_LEASE core/src/session/leash.ts -->")).toEqual([
    "there is no packages/core/src/session/leash.ts",
  ]);
  expect(what("30 s<!-- =DEFAULT_LEASE core/src/session/lease.ts -->")).toEqual([]);
  expect(what("31 s<!-- =DEFAULT_LEASE core/src/session/lease.ts -->")).toEqual([
    'says "31 s", but DEFAULT_LEASE in core/src/session/lease.ts is 30000',
  ]);
});
