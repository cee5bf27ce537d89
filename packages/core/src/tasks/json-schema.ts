/** Longest JSON Schema that is announced, characters: a form has no use for more. */
const LONGEST_SCHEMA = 16_384;
const TARGET = "draft-2020-12";

/** What validators have that can say themselves as JSON Schema. */
interface Convertible {
  readonly "~standard"?: {
    /** Standard JSON Schema. */
    readonly jsonSchema?: { readonly input?: (options: { target: string }) => unknown };
  };
  /** As zod and ArkType had it before. */
  readonly toJSONSchema?: (options: { io: "input" }) => unknown;
  readonly toJsonSchema?: () => unknown;
}

/** A validator as JSON Schema, of what it takes; undefined where it cannot say that, or at too great length. */
export function jsonSchemaOf(schema: unknown): { [keyword: string]: unknown } | undefined {
  // Not every validator can say all that it checks; that is no fault of the task.
  try {
    const convertible = schema as Convertible;
    const said =
      convertible["~standard"]?.jsonSchema?.input?.({ target: TARGET }) ??
      convertible.toJSONSchema?.({ io: "input" }) ??
      convertible.toJsonSchema?.();
    const text = JSON.stringify(said);
    if (text === undefined || text.length > LONGEST_SCHEMA) return undefined;
    const plain: unknown = JSON.parse(text);
    return typeof plain === "object" && plain !== null && !Array.isArray(plain)
      ? (plain as { [keyword: string]: unknown })
      : undefined;
  } catch {
    return undefined;
  }
}
