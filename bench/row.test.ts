import assert from "node:assert/strict";
import { test } from "node:test";
import { median, row } from "./row.ts";

test("median of odd and even counts", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
});

test("a row without a floor has no ratio", () => {
  assert.equal(row("a", 5, "ms").ratio, null);
  assert.equal(row("a", 5, "ms", 2).ratio, 2.5);
});
