import { AttributeError } from "../../../errors/index.ts";
import type { Purpose } from "../../../wire/codec/index.ts";
import {
  namePart,
  type ObjectIdentity,
  type ObjectReference,
  type ObjectRuntime,
  SharedObject,
} from "../../object/index.ts";
import { LOCK_KIND, Lock } from "../../sync/index.ts";
import { toText } from "../calls/index.ts";
import { guard } from "../manager/guard.ts";
import { managerNameOf, managerOf } from "../manager/manager-life.ts";
import { type ContainerState, readContainer } from "../state/index.ts";
import { findRegisteredType, registeredType } from "./registered-types.ts";
import { Turns } from "./turns.ts";

/** The methods of a registered type, as its handles have them. */
export type RemoteMethods<Instance> = {
  [Name in keyof Instance as Instance[Name] extends (...args: never[]) => unknown
    ? Name
    : never]: Instance[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Result extends Generator<infer Item> ? Item[] : Awaited<Result>>
    : never;
};

/** A handle of an object of a registered type. */
export type RegisteredProxy<Instance> = RegisteredObject & RemoteMethods<Instance>;

/**
 * An object of one's own class whose state is in Redis (rule M7). Its exposed methods run in the process that calls them,
 * one call after another over all processes; a call that throws, or whose process dies, changes nothing.
 */
export class RegisteredObject extends SharedObject {
  override readonly kind: string = "registered";
  readonly typeid: string;
  readonly #args: string;
  readonly #turns: Turns;

  /** @param facts.args - What it is made with if it is not there yet, as text. @internal */
  constructor(runtime: ObjectRuntime, identity: ObjectIdentity, facts: { typeid: string; args: string }) {
    super(runtime, identity);
    this.typeid = facts.typeid;
    this.#args = facts.args;
    const { name, owner } = this;
    const own = new Lock(runtime, { name: `${namePart("registered")}/${name}`, owner: identity.owner });
    const lock = guard(runtime, own, { owner: identity.owner, methods: LOCK_KIND.methods });
    this.#turns = new Turns(runtime, { name, owner, lock, ...facts });
    for (const method of findRegisteredType(facts.typeid)?.exposed ?? []) {
      const run = (...args: unknown[]): Promise<unknown> => this.call(method, ...args);
      Object.defineProperty(this, method, { value: run, configurable: true });
    }
  }

  /**
   * Calls a method by its name.
   * @returns what it returns; of a method of `methodToTypeid`, an object that is made with that
   * @throws AttributeError for one that is not exposed; what the method throws; LockLostError when the call was overtaken
   */
  async call(method: string, ...args: unknown[]): Promise<unknown> {
    const { exposed, typeids } = registeredType(this.typeid);
    if (!exposed.includes(method)) {
      throw new AttributeError(
        `the type "${this.typeid}" does not expose "${method}", only ${exposed.map((name) => `"${name}"`).join(", ")}`,
      );
    }
    const typeid = typeids.get(method);
    if (typeid === undefined) return this.#turns.call(method, args);
    // First, so that nothing is done whose result could not be returned.
    registeredType(typeid);
    return this.#make(typeid, await this.#turns.call(method, args));
  }

  /** Another object of the same manager. */
  #make(typeid: string, made: unknown): RegisteredObject {
    const manager = namePart(managerNameOf(this.owner) ?? "");
    const identity = { name: `${manager}/${this.runtime.nextName()}`, owner: this.owner };
    return createRegistered(this.runtime, identity, { typeid, args: [made] });
  }

  /** @internal */
  override toReference(purpose?: Purpose): ObjectReference {
    if (purpose !== "checking") managerOf(this.runtime, this.owner)?.announce();
    return super.toReference(purpose);
  }

  /** Type and state at this moment. */
  inspect(): Promise<ContainerState> {
    return this.runtime.keepAlive.during(readContainer(this.runtime, { kind: "registered", name: this.name }));
  }

  protected override get settings(): unknown {
    return { typeid: this.typeid, args: this.#args };
  }
}

/** For `manager.create()`. @throws AttributeError for an unknown type; SerializationError for arguments that cannot be sent */
export function createRegistered(
  runtime: ObjectRuntime,
  identity: ObjectIdentity,
  facts: { typeid: string; args: readonly unknown[] },
): RegisteredObject {
  const { typeid } = registeredType(facts.typeid);
  return new RegisteredObject(runtime, identity, { typeid, args: toText(facts.args) });
}

/** A handle of the object that a reference names. */
export function openRegistered(runtime: ObjectRuntime, reference: ObjectReference): RegisteredObject {
  return new RegisteredObject(runtime, reference, reference.settings as { typeid: string; args: string });
}
