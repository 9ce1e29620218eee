/** Run by a test, which kills it: writes batches of ten jobs and says after each that it is durable. */
import { openPostgresStore } from "./open.ts";
import { batchOfTen } from "./testing.ts";

const [url, schema] = process.argv.slice(2);
if (url === undefined || schema === undefined) throw new Error("needs the URL and the schema");
const store = await openPostgresStore(url, { schema });
await store.acquireTerm();
for (let written = 0; ; written += 10) {
  await store.commit(batchOfTen(written));
  process.stdout.write(`${written + 10}\n`);
}
