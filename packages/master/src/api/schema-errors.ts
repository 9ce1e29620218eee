/** Ajv's errors, told as a person would: the field as one writes it in code, what it must be, what it is. */
import { TitanError } from "@titan/protocol";
import type { ErrorObject } from "ajv";
import { didYouMean } from "./suggest.ts";

/** What a schema says, as far as messages need it. */
interface Told {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly patternProperties?: object;
  readonly additionalProperties?: unknown;
  readonly anyOf?: readonly Told[];
  readonly type?: string;
  readonly const?: unknown;
}

export interface SchemaFault {
  readonly code: "bad-field" | "unknown-field";
  /** `jobs[0].cpus`; `body` for the whole. */
  readonly field: string;
  readonly message: string;
  /** Keys and indexes down to the field, for who needs the place in a text. */
  readonly path: readonly (string | number)[];
}

/** The error that a failed validation is answered with. `whole` names the thing that was checked: `body`, `query`. */
export function schemaError(errors: readonly ErrorObject[], whole: string): TitanError {
  const fault = schemaFault(errors, whole);
  return new TitanError(fault.code, fault.message, { field: fault.field });
}

/** Which field is at fault and why. Needs Ajv's `verbose`. */
export function schemaFault(errors: readonly ErrorObject[], whole: string): SchemaFault {
  const error = mostTelling(errors);
  const path = pathOf(error);
  const parent = (error.parentSchema ?? {}) as Told;
  if (error.keyword === "additionalProperties")
    return unknownKey(String(error.params.additionalProperty), parent, path, whole);
  if (error.keyword === "required") {
    const misspelt = strangerIn(error.data, parent);
    if (misspelt !== undefined) return unknownKey(misspelt, parent, path, whole);
    const missing = [...path, String(error.params.missingProperty)];
    return {
      code: "bad-field",
      field: nameOf(missing, whole),
      path: missing,
      message: `${nameOf(missing, whole)} is missing`,
    };
  }
  const field = nameOf(path, whole);
  const what = wanted(error, parent);
  const must = what === EMPTY ? "must not be empty" : `must be ${what}; it is ${shown(error.data)}`;
  const message = `${field} ${must}`;
  return { code: "bad-field", field, path, message };
}

/**
 * Of the branches of an `anyOf`, the one that the author plainly meant: it failed deeper inside, or on a name.
 * Otherwise the `anyOf` itself, which comes last and names all that would do.
 */
function mostTelling(errors: readonly ErrorObject[]): ErrorObject {
  const last = errors.at(-1)!;
  if (last.keyword !== "anyOf") return last;
  const meant = errors.filter(
    (error) =>
      error !== last &&
      (error.instancePath.length > last.instancePath.length ||
        error.keyword === "additionalProperties" ||
        error.keyword === "required" ||
        isLimit(error, last)),
  );
  return meant.length === 0 ? last : mostTelling(meant);
}

/** `number or null` that is out of its range: the range says more than the two types, where nothing better is written. */
function isLimit(error: ErrorObject, whole: ErrorObject): boolean {
  return (whole.parentSchema as Told | undefined)?.description === undefined && LIMITS.has(error.keyword);
}

const LIMITS = new Set(["minimum", "maximum", "exclusiveMinimum", "multipleOf", "minLength", "maxLength"]);

/** A field that is missing is mostly there, misspelt: that says more than that it is missing. */
function strangerIn(data: unknown, schema: Told): string | undefined {
  if (schema.additionalProperties !== false || typeof data !== "object" || data === null) return undefined;
  return Object.keys(data).find((key) => !Object.hasOwn(schema.properties ?? {}, key));
}

function unknownKey(
  key: string,
  parent: Told,
  path: readonly (string | number)[],
  whole: string,
): SchemaFault {
  const known = Object.keys(parent.properties ?? {});
  const at = [...path, key];
  const field = nameOf(at, whole);
  // A map has no fields of its own: its names have a pattern instead.
  if (parent.patternProperties !== undefined) {
    const map = nameOf(path, whole);
    return {
      code: "bad-field",
      field: map,
      path: at,
      message: `${map} has a name that is not allowed: ${shown(key)}`,
    };
  }
  const place = path.length === 0 ? "" : ` in ${nameOf(path, whole)}`;
  const message = `There is no field ${shown(key)}${place}.${didYouMean(key, known)}`;
  return { code: "unknown-field", field, path: at, message };
}

const EMPTY = "not empty";

function wanted(error: ErrorObject, schema: Told): string {
  const limit = error.params.limit as number | undefined;
  switch (error.keyword) {
    case "anyOf":
      return schema.description ?? alternatives(schema.anyOf ?? []);
    case "type":
      return article(String(error.params.type));
    case "const":
      return JSON.stringify(error.params.allowedValue);
    case "enum":
      return (error.params.allowedValues as unknown[]).map((value) => JSON.stringify(value)).join(" or ");
    case "minimum":
      return `at least ${limit}`;
    case "maximum":
      return `at most ${limit}`;
    case "exclusiveMinimum":
      return `more than ${limit}`;
    case "multipleOf":
      return `a multiple of ${error.params.multipleOf}`;
    case "minLength":
      return limit === 1 ? EMPTY : `at least ${limit} characters long`;
    case "maxLength":
      return `at most ${limit} characters long`;
    case "minItems":
      return limit === 1 ? EMPTY : `at least ${limit} items long`;
    case "maxItems":
      return `at most ${limit} items long`;
    case "maxProperties":
      return `at most ${limit} names`;
    case "pattern":
      return (
        schema.description ??
        (String(error.params.pattern).includes("\\u0000")
          ? "text without NUL"
          : `text like ${error.params.pattern}`)
      );
    default:
      return error.message ?? "something else";
  }
}

function alternatives(schemas: readonly Told[]): string {
  const told = schemas.map((schema) =>
    "const" in schema ? JSON.stringify(schema.const) : article(schema.type ?? "another value"),
  );
  return [...new Set(told)].join(" or ");
}

function article(type: string): string {
  switch (type) {
    case "null":
      return "null";
    case "array":
      return "a list";
    case "integer":
      return "a whole number";
    case "string":
      return "text";
    case "boolean":
      return "true or false";
    case "object":
      return "an object";
    default:
      return `a ${type}`;
  }
}

/** A value in a message: short whatever it is, and never a line break. */
export function shown(value: unknown): string {
  if (typeof value === "string") {
    return value.length <= 60
      ? JSON.stringify(value)
      : `${JSON.stringify(value.slice(0, 60))}… (${value.length} characters)`;
  }
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  return String(value);
}

function pathOf(error: ErrorObject): (string | number)[] {
  if (error.instancePath === "") return [];
  return error.instancePath
    .slice(1)
    .split("/")
    .map((part) => {
      const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
      return /^(0|[1-9][0-9]*)$/.test(key) ? Number(key) : key;
    });
}

/** `jobs[0].env["A B"]`. */
function nameOf(path: readonly (string | number)[], whole: string): string {
  if (path.length === 0) return whole;
  let name = "";
  for (const key of path) {
    if (typeof key === "number") name += `[${key}]`;
    else if (/^[A-Za-z0-9_.-]{1,64}$/.test(key)) name += name === "" ? key : `.${key}`;
    else name += `[${shown(key)}]`;
  }
  return name;
}
