import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { BlockList, isIP } from "node:net";
import { ValueError } from "@manyhands/core";
import {
  assertOptions,
  environmentSetting,
  type Milliseconds,
  optionsOf,
  trimSetting,
  visibleLine,
} from "@manyhands/core/internal";
import { isRole, ROLES, type Role } from "./roles.ts";

/** A token, and what those who know it are called and may do. */
export interface TokenOptions {
  /** At least 8 visible ASCII characters without spaces. */
  token: string;
  /** `viewer` looks, `operator` steers, `admin` also removes pools and objects and ends processes. */
  role: Role;
  /** Stands in the audit log; 1 to 64 visible characters without spaces. */
  name: string;
}

/** Whom the surrounding application lets in: how the audit log names them, and what they may do. */
export interface Admission {
  /** 1 to 200 visible characters. */
  name: string;
  role: Role;
}

/**
 * Says who makes a request, by the login of the application around the dashboard. Null: nobody that it knows, so that a
 * token is asked for, or the request refused where there is none. A Response, such as a redirect to its login, is
 * the answer.
 * @param request - Its body is not to be read.
 * @param incoming - The request of Node's server (in Express with what its middleware has added, such as `user`), where
 *   there is one.
 */
export type Authorize = (
  request: Request,
  incoming: IncomingMessage | undefined,
) => Admission | Response | null | Promise<Admission | Response | null>;

/** Who may use the dashboard, and what they see. */
export interface AccessOptions {
  /**
   * What an admin must know, at least 8 characters. Absent: that of the environment (`MANYHANDS_DASHBOARD_TOKEN`), else, when
   * there are no `tokens` and no `trustHeader`, a random one is made, on loopback only, and is part of the returned URL.
   * `false`: none, on loopback only; every user of this machine may then use the dashboard.
   */
  token?: string | false | undefined;
  /**
   * More tokens, each with a role and a name; or a text with one in each line: `<role> <name> <token>`.
   * @defaultValue `MANYHANDS_DASHBOARD_TOKENS` (the same lines, or with semicolons between), then none
   */
  tokens?: readonly TokenOptions[] | string | undefined;
  /**
   * Header in which a proxy names the visitor, and after a colon the one with their role: `X-Forwarded-User:X-Forwarded-Role`.
   * Without the second one they are viewers. Needs `trustFrom`.
   * @defaultValue `MANYHANDS_DASHBOARD_TRUST_HEADER`, then none
   */
  trustHeader?: string | undefined;
  /**
   * Addresses or networks (`10.1.0.0/16`) of the proxy: from others the headers are ignored.
   * @defaultValue `MANYHANDS_DASHBOARD_TRUST_FROM` (with commas between), then none
   */
  trustFrom?: readonly string[] | undefined;
  /** The application around the dashboard decides, before tokens and the proxy. @defaultValue none */
  authorize?: Authorize | undefined;
  /**
   * Values that nobody sees, by name (`password`, at any depth) or by path (`card.number`), in arguments, results, progress and
   * the state of shared objects.
   * @defaultValue `MANYHANDS_DASHBOARD_REDACT` (with commas between), then none
   */
  redact?: readonly string[] | undefined;
  /** Refuse everything that changes something. @defaultValue false */
  readOnly?: boolean | undefined;
  /** How long a browser stays signed in without being used, ms, 1 minute to 30 days. @defaultValue 12 hours */
  sessionAge?: Milliseconds | undefined;
}

/** The options with every default filled in. */
export interface AccessSettings {
  tokens: readonly TokenOptions[];
  /** A random token, which only the URL contains; else null. */
  generatedToken: string | null;
  proxy: { userHeader: string; roleHeader: string | null; addresses: BlockList } | null;
  authorize: Authorize | null;
  redact: readonly string[];
  readOnly: boolean;
  sessionAge: Milliseconds;
}

export const DEFAULT_SESSION_AGE: Milliseconds = 43_200_000;
const SHORTEST_SESSION: Milliseconds = 60_000;
const LONGEST_SESSION: Milliseconds = 2_592_000_000;
const SHORTEST_TOKEN = 8;
const MOST_TOKENS = 100;
const HEADER_NAME = /^[!#$%&'*+.^_`|~\w-]{1,100}$/;

export const ACCESS_OPTIONS = optionsOf<AccessOptions>({
  token: true,
  tokens: true,
  trustHeader: "text",
  trustFrom: "texts",
  authorize: true,
  redact: "texts",
  readOnly: "boolean",
  sessionAge: true,
});

/**
 * @param place - Where the dashboard listens: beyond loopback it has to know its visitors
 * @throws ValueError naming the option that is wrong
 */
export function resolveAccess(options: AccessOptions, place: { host: string; loopback: boolean }): AccessSettings {
  assertOptions("the option access", options, ACCESS_OPTIONS);
  const proxy = checkedProxy(options);
  const others = checkedTokens(options.tokens ?? environmentSetting("MANYHANDS_DASHBOARD_TOKENS") ?? []);
  const given = options.token ?? environmentSetting("MANYHANDS_DASHBOARD_TOKEN");
  const authorize = checkedAuthorize(options.authorize);
  const isKnown = others.length > 0 || proxy !== null || authorize !== null;
  if (typeof given !== "string" && !isKnown && !place.loopback) {
    throw new ValueError(
      `the dashboard on ${place.host} could be reached from other machines and needs a token; ` +
        "got none: set the option token (--token or MANYHANDS_DASHBOARD_TOKEN), or listen on 127.0.0.1",
    );
  }
  if (given === false && isKnown) {
    throw new ValueError(
      "token: false lets everyone in, and tokens, trustHeader or authorize do not; give one of them",
    );
  }
  const generatedToken = given === undefined && !isKnown ? randomBytes(24).toString("base64url") : null;
  const own = given === undefined || given === false ? generatedToken : checkedToken(given);
  const tokens = [...(own === null ? [] : [{ token: own, role: "admin" as const, name: "admin" }]), ...others];
  assertDistinct(tokens);
  return {
    tokens,
    generatedToken,
    proxy,
    authorize,
    redact: checkedPaths(options.redact ?? listed(environmentSetting("MANYHANDS_DASHBOARD_REDACT"))),
    readOnly: options.readOnly ?? false,
    sessionAge: checkedAge(options.sessionAge ?? DEFAULT_SESSION_AGE),
  };
}

/** Whether the dashboard asks nobody who they are. */
export function isOpen({ tokens, proxy, authorize }: AccessSettings): boolean {
  return tokens.length === 0 && proxy === null && authorize === null;
}

function checkedAuthorize(authorize: unknown): Authorize | null {
  if (authorize === undefined) return null;
  if (typeof authorize === "function") return authorize as Authorize;
  throw new ValueError(`authorize must be a function (request) => { name, role } or null; got ${typeof authorize}`);
}

function listed(text: string | undefined): string[] {
  return (text ?? "").split(",").flatMap((word) => word.trim() || []);
}

function checkedTokens(tokens: readonly TokenOptions[] | string): TokenOptions[] {
  const list = typeof tokens === "string" ? parseTokens(tokens) : tokens;
  if (!Array.isArray(list)) throw new ValueError(`tokens must be a list, or lines of a text; got ${typeof list}`);
  if (list.length > MOST_TOKENS) throw new ValueError(`tokens may be ${MOST_TOKENS}; got ${list.length}`);
  return list.map((one: Partial<TokenOptions> | null, index) => {
    const { token, role, name, ...more } = one ?? {};
    const place = `tokens[${index}]`;
    const [unknown] = Object.keys(more);
    if (unknown !== undefined) {
      throw new ValueError(`${place} has token, role and name; got also "${visibleLine(unknown)}"`);
    }
    if (!isRole(role)) {
      throw new ValueError(`${place}: role must be ${ROLES.join(", ")}; got "${visibleLine(String(role))}"`);
    }
    if (typeof name !== "string" || !/^\S{1,64}$/u.test(name) || visibleLine(name) !== name) {
      throw new ValueError(`${place}: name must be 1 to 64 visible characters without spaces`);
    }
    return { token: checkedToken(token, `${place}: token`), role, name };
  });
}

/** Lines `<role> <name> <token>`; empty ones, and those that begin with #, say nothing. No message repeats a token. */
function parseTokens(text: string): TokenOptions[] {
  return trimSetting(text)
    .split(/\r?\n|;/)
    .flatMap((line, index) => {
      const words = line.trim().split(/\s+/);
      if (words[0] === "" || words[0]?.startsWith("#")) return [];
      const [role, name, token] = words;
      if (words.length === 3 && isRole(role) && name !== undefined && token !== undefined) {
        return [{ role, name, token }];
      }
      throw new ValueError(
        `tokens: line ${index + 1} must be "<role> <name> <token>" with the role ${ROLES.join(", ")}; got ` +
          `${words.length} ${words.length === 1 ? "word" : "words"}`,
      );
    });
}

function assertDistinct(tokens: readonly TokenOptions[]): void {
  for (const what of ["token", "name"] as const) {
    const seen = new Set<string>();
    for (const one of tokens) {
      if (seen.has(one[what])) {
        const which = what === "name" ? `the name "${one.name}"` : `the token of "${one.name}"`;
        throw new ValueError(`tokens: ${which} is there twice; give each ${what} once ("admin" is the option token)`);
      }
      seen.add(one[what]);
    }
  }
}

function checkedToken(token: unknown, what: string = "token"): string {
  if (typeof token !== "string") {
    throw new ValueError(`${what} must be a string of at least ${SHORTEST_TOKEN} characters; got ${typeof token}`);
  }
  // A program may have read it from a file that ends with a line break.
  const secret = trimSetting(token);
  if (secret.length < SHORTEST_TOKEN) {
    throw new ValueError(
      `${what} must be a string of at least ${SHORTEST_TOKEN} characters; got ${secret.length} characters`,
    );
  }
  // No Authorization header can carry any other: the dashboard would start and refuse every program.
  if (!/^[\x21-\x7e]+$/.test(secret)) {
    throw new ValueError(`${what} must be of visible ASCII characters, without spaces and line breaks; got others`);
  }
  return secret;
}

function checkedProxy(options: AccessOptions): AccessSettings["proxy"] {
  const header = options.trustHeader ?? environmentSetting("MANYHANDS_DASHBOARD_TRUST_HEADER");
  const from = options.trustFrom ?? listed(environmentSetting("MANYHANDS_DASHBOARD_TRUST_FROM"));
  if (header === undefined) {
    if (from.length === 0) return null;
    throw new ValueError("trustFrom says from where a header is trusted, and trustHeader which; got no trustHeader");
  }
  const [userHeader = "", roleHeader, ...more] = header.split(":").map((name) => name.trim().toLowerCase());
  for (const name of [userHeader, ...(roleHeader === undefined ? [] : [roleHeader])]) {
    if (more.length === 0 && HEADER_NAME.test(name)) continue;
    throw new ValueError(
      `trustHeader must be the name of a header, or two with a colon between, such as X-Forwarded-User:X-Forwarded-Role; got "${visibleLine(header)}"`,
    );
  }
  if (from.length === 0) {
    throw new ValueError(
      `trustHeader needs trustFrom (--trust-from): every visitor can send the header "${userHeader}", so name the addresses of the proxy`,
    );
  }
  return { userHeader, roleHeader: roleHeader ?? null, addresses: checkedAddresses(from) };
}

function checkedAddresses(from: readonly string[]): BlockList {
  const addresses = new BlockList();
  for (const word of from) {
    const [address = "", bits, ...more] = word.split("/");
    const family = isIP(address);
    const length = bits === undefined ? (family === 4 ? 32 : 128) : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
    const isFit = family !== 0 && more.length === 0 && length >= 0 && length <= (family === 4 ? 32 : 128);
    if (!isFit) {
      throw new ValueError(
        `trustFrom must be addresses or networks such as 127.0.0.1 or 10.1.0.0/16; got "${visibleLine(word)}"`,
      );
    }
    addresses.addSubnet(address, length, family === 4 ? "ipv4" : "ipv6");
  }
  return addresses;
}

function checkedPaths(paths: readonly string[]): string[] {
  for (const path of paths) {
    if (path.length <= 200 && path.split(".").every((name) => name !== "")) continue;
    throw new ValueError(
      `redact must be names or paths such as password or card.number, up to 200 characters; got "${visibleLine(path)}"`,
    );
  }
  return [...paths];
}

function checkedAge(age: Milliseconds): Milliseconds {
  if (Number.isInteger(age) && age >= SHORTEST_SESSION && age <= LONGEST_SESSION) return age;
  throw new ValueError(`sessionAge must be ms, from ${SHORTEST_SESSION} to ${LONGEST_SESSION}; got ${String(age)}`);
}
