import { TitanError } from "@titan/protocol";
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import type { FastifyInstance, FastifySchemaCompiler } from "fastify";

type FastifyValidationResult = ReturnType<FastifySchemaCompiler<unknown>>;

import { schemaError } from "./schema-errors.ts";

const common = {
  allErrors: false,
  removeAdditional: false,
  // Messages need what the schema says and what the value was.
  verbose: true,
  // 0.29 / 0.001 is 289.99999999999994: without a precision, some honest fractions of a CPU would be refused.
  multipleOfPrecision: 6,
  strict: false,
  // Formats are checked in answers only, by tests.
  validateFormats: false,
} as const;

/** Checks JSON as it is: `"1"` is no number, and nothing is dropped or filled in. */
export const bodyAjv = new Ajv({ ...common });
/** A query is text by nature, so its numbers and truths are read from text. */
const queryAjv = new Ajv({ ...common, coerceTypes: true, useDefaults: true });

export function installValidation(app: FastifyInstance): void {
  app.setValidatorCompiler(({ schema, httpPart }) =>
    lazily(httpPart === "body" ? bodyAjv : queryAjv, schema as object),
  );
  app.setSchemaErrorFormatter((errors, part) =>
    schemaError(errors as unknown as ErrorObject[], part === "querystring" ? "query" : part),
  );
  // JSON.stringify is as fast here as a serializer made from a schema with unions, and cannot drop a field.
  app.setSerializerCompiler(() => JSON.stringify);
}

/** Compiled at its first use: all of them at once are a good part of the time to the first answer. */
function lazily(ajv: Ajv, schema: object): FastifyValidationResult {
  let compiled: ValidateFunction | undefined;
  const validate: FastifyValidationResult = (data: unknown) => {
    compiled ??= ajv.compile(schema);
    const fits = compiled(data) as boolean;
    validate.errors = (compiled.errors ?? null) as FastifyValidationResult["errors"] & object;
    return fits;
  };
  return validate;
}

/** Throws `bad-field` naming `field`. */
export function badField(field: string, message: string, hint?: string): TitanError {
  return new TitanError("bad-field", message, hint === undefined ? { field } : { field, hint });
}
