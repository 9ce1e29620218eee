/** Content-addressed upload: asks which hashes the master lacks, sends those only. */
import type { CallOptions, Connection } from "./connection.ts";
import type { LocalFile } from "./job-input.ts";

const HASHES_PER_QUESTION = 10_000;
const AT_ONCE = 4;

/** Resolves with how much was really sent. The same content twice is sent once. */
export async function uploadFiles(
  connection: Connection,
  files: readonly LocalFile[],
  options: CallOptions = {},
): Promise<{ files: number; bytes: number }> {
  const byHash = new Map(files.map((file) => [file.sha256, file]));
  const missing = await findMissing(connection, [...byHash.keys()], options);
  const waiting = missing.map((sha256) => byHash.get(sha256)).filter((file) => file !== undefined);
  const total = { files: waiting.length, bytes: waiting.reduce((sum, file) => sum + file.size, 0) };
  const lane = async () => {
    for (let file = waiting.pop(); file !== undefined; file = waiting.pop())
      await put(connection, file, options);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return total;
}

async function findMissing(
  connection: Connection,
  hashes: string[],
  options: CallOptions,
): Promise<string[]> {
  const missing: string[] = [];
  for (let from = 0; from < hashes.length; from += HASHES_PER_QUESTION) {
    const answer = await connection.json<{ missing: string[] }>("/blobs/missing", {
      ...options,
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ sha256: hashes.slice(from, from + HASHES_PER_QUESTION) }),
    });
    missing.push(...answer.missing);
  }
  return missing;
}

async function put(connection: Connection, file: LocalFile, options: CallOptions): Promise<void> {
  const answer = await connection.call(`/blobs/${file.sha256}`, {
    ...options,
    method: "PUT",
    headers: { "content-type": "application/octet-stream", "content-length": String(file.size) },
    body: file.open,
    // A large file over a slow line: the answer comes only after its last byte.
    timeoutMs: 60_000 + file.size / 10,
  });
  await answer.text();
}
