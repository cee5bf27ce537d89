import { createHash } from "node:crypto";

/** What an error says of itself. */
export interface GroupedError {
  /** Its class. */
  name: string;
  message: string;
  stack: string;
}

/** Errors of one kind: of one task, class, place and text, in which names and numbers do not count. */
export interface ErrorGroupKey {
  /** 12 characters. */
  id: string;
  task: string;
  name: string;
  /** First line of the message, as it was thrown. */
  message: string;
  /** Function and file of the user's code that threw; "" where the stack shows none. */
  frame: string;
}

/** Longest first line of a message, characters. */
const LONGEST_MESSAGE = 300;
/** Frames that are looked at. */
const MOST_FRAMES = 30;

/** The group that an error of a task belongs to. */
export function errorGroupOf(task: string, error: GroupedError): ErrorGroupKey {
  const [line = ""] = error.message.split("\n", 1);
  const message = line.slice(0, LONGEST_MESSAGE);
  const frame = userFrame(error.stack);
  const kind = JSON.stringify([task, error.name, normalise(message), frame]);
  const id = createHash("sha1").update(kind).digest("hex").slice(0, 12);
  return { id, task, name: error.name.slice(0, LONGEST_MESSAGE), message, frame };
}

/** Longest text by which the errors of a group are searched, characters. */
const LONGEST_LITERAL = 200;

/** The longest part of the message of a group that is the same in all of its errors; "" where nothing long enough is. */
export function literalPart(message: string): string {
  const parts = normalise(message).split(/<(?:id|url|path|hex|n)>|(?<=["'`])…(?=["'`])/);
  const longest = parts
    .map((part) => part.trim())
    .reduce((best, part) => (part.length > best.length ? part : best), "");
  return longest.length < 4 ? "" : longest.slice(0, LONGEST_LITERAL);
}

/** Replaces what differs between two errors of one kind. The order matters: a URL holds numbers, an id holds hex. */
function normalise(message: string): string {
  return (
    message
      .replace(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi, "<id>")
      .replace(/\b[0-9a-f]{16}-[0-9a-z]+\b/g, "<id>")
      // As errors of ours name where it was.
      .replace(/\bhost "[^"]*"/g, 'host "…"')
      .replace(/\(job [^\s()]+\)/g, "(job <id>)")
      .replace(/(["'`])([^"'`]*)\1/g, (all, quote: string, text: string) =>
        // `reading 'name'` and `reading 'id'` are two kinds.
        /^[A-Za-z_$][\w$]*$/.test(text) ? all : `${quote}…${quote}`,
      )
      .replace(/\b[a-z][a-z0-9+.-]{0,20}:\/\/\S+/gi, "<url>")
      .replace(/(?:[A-Za-z]:\\|\.{0,2}\/)[^\s:,;()"'`]+/g, "<path>")
      .replace(/\b(?:0x)?(?=[a-f]{0,64}\d)[0-9a-f]{6,}\b/gi, "<hex>")
      .replace(/\d+(?:[.,]\d+)*/g, "<n>")
  );
}

/** Code of Node, of installed packages, and ours. */
const NOT_THE_USERS = /^node:|[\\/]node_modules[\\/]|[\\/]packages[\\/](?:core|worker)[\\/](?:src|dist)[\\/]/;

/** `load report.ts`: the function and the last two parts of the path; the same on machines that keep the code elsewhere. */
function userFrame(stack: string): string {
  for (const line of stack.split("\n", MOST_FRAMES)) {
    const [, called = "", place = ""] = /^\s*at (?:(.{1,200}?) \()?(.{1,1000}?):\d+:\d+\)?$/.exec(line) ?? [];
    if (place === "" || NOT_THE_USERS.test(place)) continue;
    const file = place.split(/[\\/]/).slice(-2).join("/");
    return `${called} ${file}`.trim();
  }
  return "";
}
