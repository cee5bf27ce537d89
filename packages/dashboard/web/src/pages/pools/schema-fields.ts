// What a form needs of a JSON Schema. Only what a form can ask for is read; anything else is asked for as JSON.

export type Schema = { readonly [keyword: string]: unknown };

export interface FormField {
  /** Where its value stands in the list of arguments. */
  path: readonly (string | number)[];
  /** What is shown: its name, or which argument it is. */
  name: string | number;
  kind: "string" | "number" | "integer" | "boolean" | "json";
  isRequired: boolean;
  options: readonly string[] | undefined;
  minimum: number | undefined;
  maximum: number | undefined;
  minLength: number | undefined;
  maxLength: number | undefined;
  pattern: string | undefined;
  description: string | undefined;
  initial: string;
}

/** More fields than this are no form any more. */
const MOST_FIELDS = 40;

/** The fields of the arguments that a schema describes; null when it describes none that a form could ask for. */
export function fieldsOf(schema: Schema | null): FormField[] | null {
  if (schema === null) return null;
  const fields: FormField[] = [];
  if (schema["type"] === "array") {
    const items = schema["prefixItems"];
    if (!Array.isArray(items) || schema["items"] instanceof Object) return null;
    const least = numberIn(schema, "minItems") ?? items.length;
    for (const [index, item] of items.entries()) {
      if (!isSchema(item)) return null;
      addFields(fields, item, { path: [index], name: index, isRequired: index < least });
    }
  } else addFields(fields, schema, { path: [0], name: 0, isRequired: true });
  return fields.length === 0 || fields.length > MOST_FIELDS ? null : fields;
}

function addFields(fields: FormField[], schema: Schema, place: Pick<FormField, "path" | "name" | "isRequired">): void {
  const properties = schema["properties"];
  // A flat object is asked for by its properties.
  if (schema["type"] === "object" && isSchema(properties) && place.path.length === 1 && place.isRequired) {
    const required = Array.isArray(schema["required"]) ? schema["required"] : [];
    const entries = Object.entries(properties);
    if (entries.length > 0 && entries.every(([, property]) => isSchema(property))) {
      for (const [name, property] of entries) {
        const path = [...place.path, name];
        fields.push(fieldOf(property as Schema, { path, name, isRequired: required.includes(name) }));
      }
      return;
    }
  }
  fields.push(fieldOf(schema, place));
}

function fieldOf(schema: Schema, place: Pick<FormField, "path" | "name" | "isRequired">): FormField {
  const values = schema["enum"];
  const isChoice = Array.isArray(values) && values.length > 0 && values.every((value) => typeof value === "string");
  const type = schema["type"];
  const kind = type === "string" || type === "number" || type === "integer" || type === "boolean" ? type : "json";
  const initial = schema["default"];
  const title = schema["title"];
  return {
    ...place,
    name: typeof title === "string" && typeof place.name === "number" ? title : place.name,
    kind: isChoice ? "string" : Array.isArray(values) ? "json" : kind,
    options: isChoice ? (values as string[]) : undefined,
    minimum: numberIn(schema, "minimum"),
    maximum: numberIn(schema, "maximum"),
    minLength: numberIn(schema, "minLength"),
    maxLength: numberIn(schema, "maxLength"),
    pattern: typeof schema["pattern"] === "string" ? schema["pattern"] : undefined,
    description: typeof schema["description"] === "string" ? schema["description"] : undefined,
    initial: initial === undefined ? "" : typeof initial === "string" ? initial : JSON.stringify(initial),
  };
}

/** The arguments that the values of the fields make; optional ones without a value are left out. */
export function argumentsOf(fields: readonly FormField[], values: readonly string[]): unknown[] {
  const args: unknown[] = [];
  for (const [index, field] of fields.entries()) {
    const [place, name] = field.path as [number, string | undefined];
    const text = values[index] ?? "";
    if (name !== undefined && typeof args[place] !== "object") args[place] = {};
    if (isLeftOut(field, text)) continue;
    const value = typedValue(field, text);
    if (name === undefined) args[place] = value;
    else Object.defineProperty(args[place], name, { value, enumerable: true, writable: true, configurable: true });
  }
  // A hole before a later argument is no value that JSON has.
  return Array.from(args, (value) => (value === undefined ? null : value));
}

export function isLeftOut(field: FormField, text: string): boolean {
  if (field.kind === "string" && field.isRequired && !field.options) return false;
  return text.trim() === "";
}

function typedValue({ kind }: FormField, text: string): unknown {
  if (kind === "number" || kind === "integer") return Number(text.trim());
  if (kind === "boolean") return text === "true";
  return kind === "json" ? JSON.parse(text) : text;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function numberIn(schema: Schema, keyword: string): number | undefined {
  const value = schema[keyword];
  // Whole numbers of zod have bounds that no form need say.
  return typeof value === "number" && Math.abs(value) < Number.MAX_SAFE_INTEGER ? value : undefined;
}
