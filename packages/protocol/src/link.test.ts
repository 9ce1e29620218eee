import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeFrame, encodeFrame, type FromNode } from "./link.ts";

test("a frame comes back as it was sent, log bytes exactly", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.nat(2 ** 45), (data, offset) => {
      const sent: FromNode[] = [
        { t: "beat" },
        { t: "log", jobId: "abc", number: 1, stream: "stdout", offset, at: 1_700_000_000_000.25, data },
      ];
      const [beat, log] = decodeFrame<FromNode>(encodeFrame(sent));
      assert.deepEqual(beat, { t: "beat" });
      assert.ok(log?.t === "log");
      assert.equal(log.offset, offset);
      assert.deepEqual(Buffer.from(log.data), Buffer.from(data));
    }),
  );
});

test("anything that is not a frame is refused with an error, never taken", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        const frame = decodeFrame(bytes);
        assert.ok(frame.every((message) => typeof message.t === "string"));
      } catch (error) {
        assert.ok(error instanceof Error);
      }
    }),
    { numRuns: 1_000 },
  );
});
