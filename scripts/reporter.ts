/**
 * What `node --test` prints under scripts/test.ts: one line a file, every failure in full, and the counts as JSON in
 * the file that TITAN_TEST_COUNTS names, so that nobody has to read numbers out of text.
 */
import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import type { TestEvent } from "node:test/reporters";
import { inspect } from "node:util";

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

export default async function* reporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const counts: Tally = { passed: 0, failed: 0, skipped: 0 };
  let skippedSuites = 0;
  for await (const event of source) {
    if (event.type === "test:fail" && event.data.details.type !== "suite") {
      yield failure(event.data.name, event.data.file, event.data.line, event.data.details.error);
    } else if (event.type === "test:pass" && typeof event.data.skip === "string") {
      // The runner counts tests alone, and a suite that is skipped has none: it is one thing left out all the same.
      if (event.data.details.type === "suite") skippedSuites += 1;
      yield `skip ${event.data.name}: ${event.data.skip}\n`;
    } else if (event.type === "test:stderr" || event.type === "test:stdout") {
      yield event.data.message;
    } else if (event.type === "test:summary") {
      const { counts: seen, duration_ms: duration, file } = event.data;
      if (file === undefined) {
        counts.passed = seen.passed;
        counts.failed = seen.tests - seen.passed - seen.skipped - seen.todo;
        counts.skipped = seen.skipped + seen.todo + skippedSuites;
      } else {
        const mark = seen.passed + seen.skipped + seen.todo === seen.tests ? "ok  " : "FAIL";
        const skipped = seen.skipped > 0 ? `, ${seen.skipped} skipped` : "";
        const name = relative(process.cwd(), file);
        yield `${mark} ${name} (${seen.passed} of ${seen.tests}${skipped}, ${(duration / 1000).toFixed(1)} s)\n`;
      }
    }
  }
  const target = process.env.TITAN_TEST_COUNTS;
  if (target !== undefined) writeFileSync(target, JSON.stringify(counts));
}

function failure(name: string, file: string | undefined, line: number | undefined, error: Error): string {
  const cause = error.cause instanceof Error ? error.cause : error;
  const where = file === undefined ? "" : ` (${relative(process.cwd(), file)}:${line ?? 1})`;
  const text = cause.stack ?? inspect(cause);
  return `FAIL ${name}${where}\n${text.replace(/^/gm, "     ")}\n`;
}
