import type { StandardSchemaV1 } from "@standard-schema/spec";
import { ValidationError } from "../errors/index.ts";
import type { AnyTask } from "./task.ts";

/**
 * Checks the argument list against the task's schema and returns what the schema makes of it (defaults, coercions).
 * A promise only when the schema is asynchronous, so that tasks without one pay nothing.
 *
 * @throws ValidationError naming each argument that does not fit
 */
export function validateArguments(task: AnyTask, args: unknown[], item?: MapItem): unknown[] | Promise<unknown[]> {
  const schema = task.options.schema as StandardSchemaV1 | undefined;
  if (!schema) return args;
  return settle(schema["~standard"].validate(args), (asList) => {
    // A schema of the only argument may coerce the list around it into something else, such as a string.
    if (!asList.issues && Array.isArray(asList.value)) return asList.value as unknown[];
    const listIssues = asList.issues ?? [{ message: "the schema gives no list of arguments" }];
    if (args.length !== 1) throw mismatch(task.name, listIssues, place(item, true));
    return settle(schema["~standard"].validate(args[0]), (asOnly) => {
      if (!asOnly.issues) return [asOnly.value];
      const isOfList = asList.issues !== undefined && describesList(asOnly.issues);
      throw mismatch(task.name, isOfList ? listIssues : asOnly.issues, place(item, isOfList));
    });
  });
}

/** One item of a `map` (an only argument) or `starmap` (a list of them), for messages. */
export interface MapItem {
  index: number;
  isList: boolean;
}

/** A schema of the whole list complains about the root of a lone argument: then the list's own issues tell more. */
function describesList(issues: readonly StandardSchemaV1.Issue[]): boolean {
  return issues.length === 1 && (issues[0]?.path ?? []).length === 0 && /array|tuple/i.test(issues[0]?.message ?? "");
}

function settle<Value, Result>(
  value: Value | Promise<Value>,
  then: (value: Value) => Result | Promise<Result>,
): Result | Promise<Result> {
  return value instanceof Promise ? value.then(then) : then(value);
}

type Path = readonly (PropertyKey | StandardSchemaV1.PathSegment)[];

function mismatch(
  name: string,
  issues: readonly StandardSchemaV1.Issue[],
  placeOf: (path: Path) => string,
): ValidationError {
  const lines = issues.map((issue) => `${placeOf(issue.path ?? [])}: ${issue.message}`);
  return new ValidationError(`the arguments do not fit the schema of task "${name}": ${lines.join("; ")}`);
}

/** Names the place of an issue as the caller wrote it; `inList`: the path starts in the argument list. */
function place(item: MapItem | undefined, inList: boolean): (path: Path) => string {
  return (path) => {
    if (!item) return follow(inList ? "args" : "args[0]", path);
    const start = `items[${item.index}]`;
    if (item.isList) return follow(inList ? start : `${start}[0]`, path);
    return follow(start, inList ? path.slice(1) : path);
  };
}

function follow(start: string, path: Path): string {
  let text = start;
  for (const segment of path) {
    const key = typeof segment === "object" ? segment.key : segment;
    text += typeof key === "number" ? `[${key}]` : `.${String(key)}`;
  }
  return text;
}
