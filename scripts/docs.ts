/** Makes the pages that are made from code. `npm run docs` writes them; scripts/tidy.test.ts checks that they are right. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ERRORS, type ErrorKind } from "@titan/protocol";
import { ROOT } from "./stages.ts";

/** docs/errors.md: every error that a user can meet. */
export function errorsPage(): string {
  const rows = Object.entries<ErrorKind>(ERRORS).map(([code, kind]) => {
    const status = kind.status === 0 ? "" : String(kind.status);
    return `| \`${code}\` | ${status} | ${kind.exit} | ${kind.title} | ${kind.hint} |`;
  });
  return [
    "# Errors",
    "",
    "Every error has a code, in `error[code]` lines of the command line, in the `code` field of HTTP answers",
    "(`application/problem+json`, RFC 9457), in `TitanError.code` of both SDKs. The code decides; the words are for people.",
    "`exit` is the exit code of the `titan` command; `titan run` exits with the job's own code, and with 125 for these.",
    "",
    "| code | HTTP | exit | what happened | what to do |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
    "",
    "This page is made from `packages/protocol/src/errors.ts` by `npm run docs`.",
    "",
  ].join("\n");
}

if (import.meta.main) writeFileSync(join(ROOT, "docs", "errors.md"), errorsPage());
