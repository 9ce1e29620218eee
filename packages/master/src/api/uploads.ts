import { TitanError, type Upload as UploadBody } from "@titan/protocol";
import { NAME_PATTERN, Upload } from "@titan/protocol/schemas";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { ApiContext } from "./context.ts";
import { json } from "./jobs.ts";
import { describe } from "./operation.ts";
import { badField } from "./validation.ts";

/** A list of 20,000 files. */
const UPLOAD_BYTES_MAX = 16 * 1024 * 1024;
const NameParams = Type.Object({
  name: Type.String({ pattern: NAME_PATTERN, description: "letters, digits, '.', '_' and '-', at most 128" }),
});

export async function uploadRoutes(app: FastifyInstance, { store, blobs, clock }: ApiContext): Promise<void> {
  app.put(
    "/uploads/:name",
    { schema: describe(writing), bodyLimit: UPLOAD_BYTES_MAX },
    async (request, reply) => {
      const { name } = request.params as { name: string };
      const upload = request.body as UploadBody;
      if (upload.name !== name)
        throw badField("name", `name is ${upload.name} in the body and ${name} in the address`);
      const missing = new Set(await blobs.missing([...new Set(upload.files.map((file) => file.sha256))]));
      const at = upload.files.findIndex((file) => missing.has(file.sha256));
      if (at !== -1) {
        throw new TitanError(
          "unknown-blob",
          `The master does not have the content ${upload.files[at]!.sha256}`,
          { field: `files[${at}].sha256` },
        );
      }
      await store.putUpload(name, JSON.stringify(upload.files), clock.now());
      return json(reply, upload);
    },
  );
  app.get("/uploads/:name", { schema: describe(reading) }, async (request, reply) => {
    const { name } = request.params as { name: string };
    const files = await store.upload(name);
    if (files === null)
      throw new TitanError("upload-not-found", `Nothing was uploaded under the name ${name}`);
    return json(reply, { name, files: JSON.parse(files) as UploadBody["files"] });
  });
}

const writing = {
  id: "putUpload",
  tag: "files",
  summary: "Keep a list of files under a name",
  params: NameParams,
  body: Upload,
  answers: { 200: Upload },
} as const;
const reading = {
  id: "getUpload",
  tag: "files",
  summary: "The files kept under a name",
  params: NameParams,
  answers: { 200: Upload },
} as const;
