/** Content-addressed upload: asks which hashes the master lacks, sends those only. */
import { TitanError } from "@titan/protocol";
import type { CallOptions, Connection } from "./connection.ts";
import type { LocalFile } from "./job-input.ts";

const HASHES_PER_QUESTION = 10_000;
const AT_ONCE = 4;

/**
 * Resolves with how much was really sent. The same content twice is sent once. Throws `script-not-found` or
 * `script-unreadable` at once for a file that was removed or cut since it was hashed.
 */
export async function uploadFiles(
  connection: Connection,
  files: readonly LocalFile[],
  options: CallOptions = {},
): Promise<{ files: number; bytes: number }> {
  const byHash = new Map(files.map((file) => [file.sha256, file]));
  const missing = await findMissing(connection, [...byHash.keys()], options);
  const waiting = missing.map((sha256) => byHash.get(sha256)).filter((file) => file !== undefined);
  const total = { files: waiting.length, bytes: waiting.reduce((sum, file) => sum + file.size, 0) };
  const stop = new AbortController();
  const { signal = stop.signal } = options;
  const each = { ...options, signal: AbortSignal.any([signal, stop.signal]) };
  const lane = async () => {
    for (let file = waiting.pop(); file !== undefined; file = waiting.pop())
      await put(connection, file, each);
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
  } catch (error) {
    // The other lanes would send on for nobody.
    stop.abort(error);
    throw error;
  }
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
    body: () => bytesOf(file),
    // A large file over a slow line: the answer comes only after its last byte.
    timeoutMs: 60_000 + file.size / 10,
  });
  await answer.text();
}

/** As many bytes as were announced: of a log that grows, what it was when it was hashed. */
async function* bytesOf(file: LocalFile): AsyncGenerator<Uint8Array> {
  // By hand, since a lost connection is thrown into a `for await` here as well, and is no fault of the file.
  const pieces = file.open()[Symbol.asyncIterator]();
  let left = file.size;
  try {
    while (left > 0) {
      const next = await pieces.next().catch((error: unknown) => {
        throw unreadable(file, error);
      });
      // Without this the master would wait for the rest, and the client for the master.
      if (next.done) throw unreadable(file, new Error("it has become shorter since it was named"));
      const piece = next.value.subarray(0, left);
      left -= piece.byteLength;
      yield piece;
    }
  } finally {
    await pieces.return?.();
  }
}

function unreadable(file: LocalFile, cause: unknown): TitanError {
  const { code, message = String(cause) } = Object(cause) as { code?: string; message?: string };
  const gone = code === "ENOENT" || code === "ENOTDIR";
  const told = `${file.path} ${gone ? "has gone since it was named" : "cannot be uploaded"}: ${message}`;
  const hint = "Submit it again once nothing changes it.";
  return new TitanError(gone ? "script-not-found" : "script-unreadable", told, {
    field: "files",
    hint,
    cause,
  });
}
