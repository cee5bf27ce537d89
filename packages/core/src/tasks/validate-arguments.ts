import type { StandardSchemaV1 } from "@standard-schema/spec";
import { ValidationError } from "../errors/index.ts";
import type { AnyTask } from "./task.ts";

/**
 * Checks the argument list against the task's schema and returns what the schema makes of it (defaults, coercions).
 * A promise only when the schema is asynchronous, so that tasks without one pay nothing.
 *
 * @throws ValidationError naming each argument that does not fit
 */
export function validateArguments(task: AnyTask, args: unknown[]): unknown[] | Promise<unknown[]> {
  const schema = task.options.schema as StandardSchemaV1 | undefined;
  if (!schema) return args;
  return settle(schema["~standard"].validate(args), (asList) => {
    if (!asList.issues) return asList.value as unknown[];
    if (args.length !== 1) throw mismatch(task.name, asList.issues);
    return settle(schema["~standard"].validate(args[0]), (asOnly) => {
      if (asOnly.issues)
        throw mismatch(
          task.name,
          describesList(asOnly.issues) ? asList.issues : asOnly.issues,
          describesList(asOnly.issues),
        );
      return [asOnly.value];
    });
  });
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

function mismatch(name: string, issues: readonly StandardSchemaV1.Issue[], inList: boolean = true): ValidationError {
  const lines = issues.map((issue) => `${place(issue.path ?? [], inList)}: ${issue.message}`);
  return new ValidationError(`the arguments do not fit the schema of task "${name}": ${lines.join("; ")}`);
}

function place(path: readonly (PropertyKey | StandardSchemaV1.PathSegment)[], inList: boolean): string {
  let text = inList ? "args" : "args[0]";
  for (const segment of path) {
    const key = typeof segment === "object" ? segment.key : segment;
    text += typeof key === "number" ? `[${key}]` : `.${String(key)}`;
  }
  return text;
}
