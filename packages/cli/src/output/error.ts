/** Errors as people and as scripts read them. */
import type { TitanError } from "@titan/protocol";
import { visible } from "./safe.ts";
import { makeStyle } from "./style.ts";

export function renderError(error: TitanError, how: { json: boolean; color: boolean }): string {
  if (how.json) return `${JSON.stringify({ error: error.toProblem() })}\n`;
  const style = makeStyle(how.color, false);
  const lines = [`${style.red(`error[${error.code}]`)}: ${visible(error.message)}`];
  if (error.field !== undefined && !error.message.includes(error.field)) {
    lines.push(`  ${style.bold("field")}  ${visible(error.field)}`);
  }
  const cause = causeOf(error);
  if (cause !== null && !error.message.includes(cause))
    lines.push(`  ${style.bold("cause")}  ${visible(cause)}`);
  if (error.hint !== "") lines.push(`  ${style.bold("hint")}   ${visible(error.hint)}`);
  return `${lines.join("\n")}\n`;
}

function causeOf(error: TitanError): string | null {
  return error.cause instanceof Error && error.cause.message !== "" ? error.cause.message : null;
}
