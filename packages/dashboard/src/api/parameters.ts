import { z } from "./open-api.ts";

/** An id or a name in the address. */
export const inPath = (name: string, description: string) =>
  z
    .string()
    .min(1)
    .openapi({ param: { name, in: "path" }, description });

/** Where a task is looked for. */
export const inPool = z.object({
  pool: z.string().min(1).optional().openapi({ description: "Only this pool; ids are unique in their pool only." }),
});

/** A query parameter that is a number. */
export const numberIn = (from: number, to: number) =>
  z
    .string()
    .regex(/^\d+$/, `must be a whole number from ${from} to ${to}`)
    .transform(Number)
    .pipe(z.int().min(from).max(to))
    .openapi({ type: "integer", minimum: from, maximum: to });

/** A query parameter that is true or false. */
export const flag = z
  .enum(["true", "false"])
  .transform((text) => text === "true")
  .openapi({ type: "boolean" });

/** Asks for values of any size. */
export const full = flag.optional().openapi({ description: "Values of any size; without it large ones are cut." });

/** The body of a request, in JSON. */
export function jsonBody<Schema extends z.ZodType>(schema: Schema, required: boolean = true) {
  return { required, content: { "application/json": { schema } } };
}

/** An answer in JSON. */
export function jsonAnswer<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { description, content: { "application/json": { schema } } };
}
