import type { Readable } from "node:stream";
import { TitanError } from "@titan/protocol";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { ApiContext } from "./context.ts";
import { json } from "./jobs.ts";
import { describe } from "./operation.ts";

const Sha256 = Type.String({ pattern: "^[0-9a-f]{64}$", description: "64 hexadecimal digits in lower case" });
const BlobParams = Type.Object({ sha256: Sha256 });
const Bytes = Type.String({ description: "the bytes as they are" });
const Stored = Type.Object({ sha256: Type.String(), size: Type.Integer() });
/** Hashes of 100,000 files. */
const MISSING_BYTES_MAX = 8 * 1024 * 1024;

export async function blobRoutes(app: FastifyInstance, { blobs }: ApiContext): Promise<void> {
  app.post(
    "/blobs/missing",
    { schema: describe(askingMissing), bodyLimit: MISSING_BYTES_MAX },
    async (request, reply) => {
      const { sha256 } = request.body as { sha256: string[] };
      return json(reply, { missing: await blobs.missing([...new Set(sha256)]) });
    },
  );
  app.head("/blobs/:sha256", { schema: describe(looking) }, async (request, reply) => {
    const { sha256 } = request.params as { sha256: string };
    return reply.code((await blobs.has(sha256)) ? 200 : 404).send();
  });
  app.get("/blobs/:sha256", { schema: describe(reading) }, async (request, reply) => {
    const { sha256 } = request.params as { sha256: string };
    const stream = (await blobs.has(sha256)) ? await blobs.read(sha256) : null;
    if (stream === null) throw new TitanError("not-found", `There is no blob ${sha256}`);
    return reply.type("application/octet-stream").send(stream);
  });
  await app.register(async (streamed) => {
    // Bytes of any type and length, never held in memory: they go through the hash to the disk.
    streamed.removeAllContentTypeParsers();
    streamed.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
    streamed.put("/blobs/:sha256", { schema: describe(writing) }, async (request, reply) => {
      const { sha256 } = request.params as { sha256: string };
      const had = await blobs.has(sha256);
      const size = await blobs.put(sha256, (request.body as Readable | undefined) ?? request.raw);
      return json(reply.code(had ? 200 : 201), { sha256, size });
    });
  });
}

const askingMissing = {
  id: "missingBlobs",
  tag: "files",
  summary: "Which of these contents the master does not have",
  body: Type.Object({ sha256: Type.Array(Sha256, { maxItems: 100_000 }) }, { additionalProperties: false }),
  answers: { 200: Type.Object({ missing: Type.Array(Type.String()) }) },
} as const;
const looking = {
  id: "hasBlob",
  tag: "files",
  summary: "Whether the master has this content",
  params: BlobParams,
  answers: { 200: null, 404: null },
} as const;
const reading = {
  id: "getBlob",
  tag: "files",
  summary: "The content of this hash",
  params: BlobParams,
  answers: { 200: { "application/octet-stream": Bytes } },
} as const;
const writing = {
  id: "putBlob",
  tag: "files",
  summary: "Keep content under its SHA-256: 201 where it is new, 200 where it was there",
  params: BlobParams,
  answers: { 200: Stored, 201: Stored },
} as const;
