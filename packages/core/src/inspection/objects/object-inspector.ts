import { randomBytes } from "node:crypto";
import { got, ValueError } from "../../errors/index.ts";
import { Operations } from "../../redis/script/index.ts";
import { managerNameOf, ownerOf } from "../../shared/containers/manager/manager-life.ts";
import { findKind } from "../../shared/kinds.ts";
import {
  type Holding,
  type ObjectReader,
  type ObjectReading,
  readParticipants,
  textOfNamePart,
} from "../../shared/object/index.ts";
import { releasePermits } from "../../shared/sync/semaphore/semaphore-scripts.ts";
import { isNoFaultOfRecord, isWrongType } from "../../wire/records/stored-record.ts";
import { forgetObject, removeObject, takeBack, whichExist } from "./object-scripts.ts";
import { memberOf, type ObjectView } from "./object-view.ts";
import { type Contents, type ContentsQuery, readContents } from "./read-contents.ts";
import { readObject, unreadable } from "./read-object.ts";
import { type WaitGraph, waitGraph } from "./wait-graph.ts";

/** An object by what its keys are made of. */
export interface ObjectPlace {
  kind: string;
  name: string;
}

/** Which objects a page has. */
export interface ObjectPageQuery {
  kind?: string | undefined;
  name?: string | undefined;
  /** Part of the name, in upper or lower case. */
  text?: string | undefined;
  /** Most objects of the page. @defaultValue 100 */
  limit?: number | undefined;
  /** `cursor` of the page before. */
  cursor?: string | undefined;
}

/** A page of objects, by kind and name. */
export interface ObjectPage {
  objects: ObjectView[];
  /** Objects that the query means, in all. */
  total: number;
  /** Objects of each kind for which everything but the kind holds. */
  counts: Record<string, number>;
  /** Begins the next page; absent on the last one. */
  cursor?: string;
}

const PAGE = 100;
/** Keys that one script looks for. */
const KEYS_AT_ONCE = 2_000;

/** Objects read at the same time. */
const AT_ONCE = 100;

/** Runs a request; a context keeps the program alive until it is answered. */
type During = <Answer>(request: () => Promise<Answer>) => Promise<Answer>;

/**
 * Looks at the shared objects of a namespace, and takes them back from those who hold them (`mp.objects`). Owns neither the
 * connection nor anything in Redis; every answer is read afresh.
 */
export class ObjectInspector {
  readonly #place: ObjectReader;
  readonly #during: During;

  /** @internal */
  constructor({ client, keys, during = (request) => request() }: ObjectReader & { during?: During }) {
    this.#place = { client, keys };
    this.#during = during;
  }

  /** Kind and name of every object, by kind and name. */
  places(filter: { kind?: string; name?: string } = {}): Promise<ObjectPlace[]> {
    return this.#during(() => this.#places(filter));
  }

  /** Objects of these places that are there. @defaultValue all of the namespace */
  list(places?: readonly ObjectPlace[]): Promise<ObjectView[]> {
    return this.#during(async () => {
      const wanted = places ?? (await this.#places());
      if (!Array.isArray(wanted))
        throw new ValueError(`objects.list() takes a list of { kind, name }; got ${got(wanted)}`);
      const views: (ObjectView | null)[] = [];
      for (let start = 0; start < wanted.length; start += AT_ONCE) {
        views.push(...(await Promise.all(wanted.slice(start, start + AT_ONCE).map((place) => this.#look(place)))));
      }
      return views.filter((view) => view !== null);
    });
  }

  /**
   * A page of objects. Reads the names of all, and of those on the page alone what they hold.
   * @internal
   */
  page(query: ObjectPageQuery = {}): Promise<ObjectPage> {
    return this.#during(async () => {
      const { kind, name, text = "", limit = PAGE, cursor } = query;
      const wanted = text.toLowerCase();
      const places = (await this.#places(name === undefined ? {} : { name })).filter((place) =>
        place.name.toLowerCase().includes(wanted),
      );
      const counts: Record<string, number> = {};
      for (const place of places) counts[place.kind] = (counts[place.kind] ?? 0) + 1;
      const meant = kind === undefined ? places : places.filter((place) => place.kind === kind);
      const rest = cursor === undefined ? meant : meant.filter((place) => isBehind(place, placeOf(cursor)));
      const page = rest.slice(0, limit);
      const last = page.at(-1);
      return {
        objects: await this.list(page),
        total: meant.length,
        counts,
        ...(last && rest.length > limit && { cursor: memberOf(last) }),
      };
    });
  }

  /**
   * Who waits for what, and who has it. Reads of all objects whether they are waited for, and more of those alone.
   * @internal
   */
  waitGraph(): Promise<WaitGraph> {
    return this.#during(async () => waitGraph(await this.list(await this.#waitedFor())));
  }

  /**
   * A page of what an object holds; looking takes nothing out. Null when it is not there, or is of a kind that holds nothing.
   * @throws ValueError a cursor that no page has given
   * @internal
   */
  contents(place: ObjectPlace, query: ContentsQuery = {}): Promise<Contents | null> {
    return this.#during(async () => {
      const view = await this.#look(checkPlace(place));
      return view && readContents(this.#place, view, query);
    });
  }

  /** Null when it is not there. What is left of an object that has expired is cleared away. */
  get(place: ObjectPlace): Promise<ObjectView | null> {
    return this.#during(async () => this.#look(checkPlace(place)));
  }

  /**
   * Takes an object back from those who hold it, or from one session, and wakes who can go on. A holder that lives learns
   * of it when it next renews its lease.
   * @returns what they held
   */
  release(place: ObjectPlace, options: { session?: string | undefined } = {}): Promise<Holding[]> {
    return this.#during(async () => {
      const view = await this.#look(checkPlace(place));
      const { session } = options;
      const holders = (view?.holders ?? []).filter((holder) => session === undefined || holder.session === session);
      const sessions = [...new Set(holders.map((holder) => holder.session))];
      if (sessions.length > 0) await this.#takeBack(place, sessions);
      return holders;
    });
  }

  /**
   * Gives back permits that were taken without a lease: it is not known who has them.
   * @returns false when the semaphore is not there, or has fewer of them: it would rise above its initial value
   */
  releasePermits(semaphore: string, permits: number): Promise<boolean> {
    return this.#during(async () => {
      checkPlace({ kind: "semaphore", name: semaphore });
      if (!Number.isSafeInteger(permits) || permits < 1) {
        throw new ValueError(`permits must be a whole number from 1; got ${got(permits)}`);
      }
      const { client, keys } = this.#place;
      const key = keys.object("semaphore", semaphore);
      const madeAt = await client.hget(key, "madeAt");
      if (madeAt === null) return false;
      const operations = new Operations(keys.sessionAnswers(randomBytes(8).toString("hex")));
      const args = [keys.prefix, semaphore, madeAt, permits, "taken"];
      const released = await releasePermits.run({ client, operations }, [key], args);
      await client.del(operations.answers);
      return released === "released";
    });
  }

  /** Removes an object; who waits for it is told. @returns false when it was not there, or of a kind unknown here */
  remove(place: ObjectPlace): Promise<boolean> {
    return this.#during(async () => {
      const { kind, name } = checkPlace(place);
      const { client, keys } = this.#place;
      const owner = (await this.#makerOf(kind, name)) ?? "";
      return (await removeObject.run(client, [keys.objects], [keys.prefix, kind, name, owner])) === "removed";
    });
  }

  async #places(filter: { kind?: string; name?: string } = {}): Promise<ObjectPlace[]> {
    const { client, keys } = this.#place;
    const members = await client.zrange(keys.objects, 0, "-1").catch((error) => {
      if (isWrongType(error)) return [];
      throw error;
    });
    // What names no kind and object is no object.
    const places = members.filter((member) => /^[^/]+\/./.test(member)).map(placeOf);
    return places
      .filter(({ kind, name }) => (filter.kind ?? kind) === kind && (filter.name ?? name) === name)
      .sort((left, right) => compare(left.kind, right.kind) || compare(left.name, right.name));
  }

  async #waitedFor(): Promise<ObjectPlace[]> {
    const { client, keys } = this.#place;
    const lines = (await this.#places()).flatMap((place) =>
      (findKind(place.kind)?.lines ?? []).map((part) => ({ place, key: keys.object(place.kind, place.name, part) })),
    );
    const found = new Set<ObjectPlace>();
    for (let start = 0; start < lines.length; start += KEYS_AT_ONCE) {
      const some = lines.slice(start, start + KEYS_AT_ONCE);
      const positions = await whichExist.run(
        client,
        some.map(({ key }) => key),
        [],
      );
      for (const position of positions) {
        const line = some[position];
        if (line) found.add(line.place);
      }
    }
    return [...found];
  }

  async #look({ kind, name }: ObjectPlace): Promise<ObjectView | null> {
    const { client, keys } = this.#place;
    const member = memberOf({ kind, name });
    const [createdAt, maker, isGone, reading] = await Promise.all([
      client.zscore(keys.objects, member),
      this.#makerOf(kind, name),
      this.#forgetIfGone(kind, name),
      this.#read(kind, name),
    ]);
    if (createdAt === null || isGone || reading === null) return null;
    const manager = maker === null ? null : managerNameOf(maker);
    const session = manager === null ? maker : null;
    const [owner = null] = session === null ? [] : await readParticipants(this.#place, [{ session, label: "" }]);
    const named = maker === null && findKind(kind)?.stays !== "while held";
    return { kind, name, named, owner, manager, createdAt: Number(createdAt), ...reading };
  }

  /**
   * @internal
   * Takes back the locks of a session whose process has ended. A lock is noted with the session of its holder only when it
   * is held for long, because that makes short sections faster. So this looks at all locks.
   */
  async releaseLocksOf(session: string): Promise<void> {
    const locks = (await this.#places()).filter(({ kind }) => findKind(kind)?.holder);
    for (let start = 0; start < locks.length; start += AT_ONCE) {
      const part = locks.slice(start, start + AT_ONCE);
      const holders = await Promise.all(part.map(({ kind, name }) => findKind(kind)?.holder?.(this.#place, name)));
      const held = part.filter((_, index) => holders[index] === session);
      await Promise.all(held.map((place) => this.#takeBack(place, [session])));
    }
  }

  async #takeBack({ kind, name }: ObjectPlace, sessions: readonly string[]): Promise<void> {
    const { client, keys } = this.#place;
    await takeBack.run(client, [keys.objects], [keys.prefix, kind, name, ...sessions]);
  }

  /** A key that another client overwrote must not hide all other objects. */
  async #read(kind: string, name: string): Promise<ObjectReading | null> {
    try {
      return await readObject(this.#place, { kind, name });
    } catch (error) {
      if (isWrongType(error)) return unreadable("cannot be read: a key of it has the wrong type");
      if (isNoFaultOfRecord(error, this.#place.client)) throw error;
      return unreadable(`cannot be read: ${(error as Error).message}`);
    }
  }

  async #forgetIfGone(kind: string, name: string): Promise<boolean> {
    const { client, keys } = this.#place;
    const parts = findKind(kind)?.parts ?? [];
    if (parts.length === 0) return false;
    const own = parts.map((part) => keys.object(kind, name, part === "" ? undefined : part));
    return (
      (await forgetObject.run(client, [keys.objects, keys.deadlines, ...own], [memberOf({ kind, name })])) ===
      "forgotten"
    );
  }

  /**
   * Who takes the object along: the session of the maker of an unnamed one, or "manager:<name>". Its name tells who that may
   * be: "<session>-<number>", perhaps behind what it belongs to, or "<manager>/…", perhaps behind a kind; and its maker
   * knows of the object.
   */
  async #makerOf(kind: string, name: string): Promise<string | null> {
    const { client, keys } = this.#place;
    const session = /(?:^|\/)([0-9a-f]{16})-[0-9a-z]+$/.exec(name)?.[1];
    const parts = name.split("/").slice(0, -1);
    const makers = [
      session,
      ...parts.map(textOfNamePart).map((manager) => (manager === null ? undefined : ownerOf(manager))),
    ];
    for (const maker of makers) {
      if (maker === undefined) continue;
      const isIts = await client.sismember(keys.sessionObjects(maker), memberOf({ kind, name })).catch((error) => {
        if (isWrongType(error)) return 0;
        throw error;
      });
      if (isIts === 1) return maker;
    }
    return null;
  }
}

function placeOf(member: string): ObjectPlace {
  const slash = member.indexOf("/");
  return { kind: member.slice(0, slash), name: member.slice(slash + 1) };
}

function isBehind(place: ObjectPlace, other: ObjectPlace): boolean {
  return (compare(place.kind, other.kind) || compare(place.name, other.name)) > 0;
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function checkPlace(place: ObjectPlace): ObjectPlace {
  const { kind, name } = (place as Partial<ObjectPlace> | null | undefined) ?? {};
  if (typeof kind === "string" && kind !== "" && typeof name === "string" && name !== "") return place;
  throw new ValueError(`an object is named by { kind, name }, both texts; got ${got(place)}`);
}
