import { KIND_NAMES, memberOf, nearNames, type ObjectPlace, type ObjectView } from "@manyhands/core/internal";
import type { Connection } from "../../connection/connection.ts";
import { NotFoundError } from "../../failure/not-found-error.ts";
import { UsageError } from "../../failure/usage-error.ts";
import { describeObject } from "./describe.ts";

type Objects = Pick<Connection, "inspector">;

/**
 * The object that a word names: its name, or "<kind>/<name>" where objects of several kinds have that name.
 * @throws NotFoundError naming what looks like it; UsageError when several are meant
 */
export async function findObject({ inspector: { objects } }: Objects, word: string): Promise<ObjectView> {
  const places = await objects.places();
  const named = places.filter((place) => place.name === word || memberOf(place) === word);
  const exact = named.find((place) => memberOf(place) === word);
  if (exact === undefined && named.length > 1) {
    throw new UsageError(
      `several objects have the name "${word}"; say which: ${named.map((place) => memberOf(place)).join(", ")}`,
    );
  }
  const [place = exact] = named;
  const object = place ? await objects.get(exact ?? place) : null;
  if (!object) throw noSuchObject(word, places);
  return object;
}

function noSuchObject(word: string, places: readonly ObjectPlace[]): NotFoundError {
  const near = nearNames(word, [...new Set(places.map(({ name }) => name))]);
  const known = near.length > 0 ? `did you mean ${near.join(", ")}?` : "see: manyhands object ls";
  return new NotFoundError(`no shared object "${word}"; ${known}`);
}

/**
 * Where the objects of a kind are; null = of all kinds. A kind that this version does not know is one when an object has it.
 * @throws UsageError naming the kinds
 */
export async function placesOfKind({ inspector: { objects } }: Objects, kind: string | null): Promise<ObjectPlace[]> {
  if (kind === null) return objects.places();
  const places = await objects.places({ kind });
  if (places.length > 0 || KIND_NAMES.includes(kind)) return places;
  const [near] = nearNames(kind, KIND_NAMES);
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  throw new UsageError(`--kind must be one of ${KIND_NAMES.join(", ")}; got "${kind}"${hint}`);
}

/** @throws UsageError that says what would be done, unless it was agreed to */
export function assertAgreed(options: { yes?: boolean }, deeds: readonly string[]): void {
  if (options.yes) return;
  throw new UsageError([
    ...deeds.map((deed, index) => `${index === 0 ? "this would" : "and"} ${deed}`),
    "add -y to do it",
  ]);
}

/** The words for what is done to an object. */
export function deedOn(verb: string, object: ObjectView, rest: string): string {
  return `${verb} ${describeObject(object)}${rest}`;
}
