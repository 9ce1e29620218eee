/** Run by a test, which kills it: writes batches and says after each that it is durable. */
import { batch, job } from "../conformance/rows.ts";
import { openSqliteStore } from "./sqlite-store.ts";

const path = process.argv[2];
if (path === undefined) throw new Error("the path of the store is missing");
const store = await openSqliteStore(path);
for (let written = 0; ; written += 10) {
  const seqs = Array.from({ length: 10 }, (_, at) => written + at + 1);
  await store.commit(
    batch({
      jobs: seqs.map((seq) => job(`j${seq}`, seq)),
      payloads: seqs.map((seq) => ({ jobId: `j${seq}`, payload: String(seq) })),
    }),
  );
  process.stdout.write(`${written + 10}\n`);
}
