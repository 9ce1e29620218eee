import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { Bell } from "./bell.ts";

test("a ring before the wait is not missed, one after it wakes", async () => {
  const bell = new Bell();
  const { signal } = new AbortController();
  bell.ring();
  await bell.wait(signal);
  const woken = bell.wait(signal);
  bell.ring();
  await woken;
});

test("waiting often leaves nothing on the signal, and an abort ends it", async () => {
  const bell = new Bell();
  const controller = new AbortController();
  for (let i = 0; i < 50; i++) {
    const woken = bell.wait(controller.signal);
    bell.ring();
    await woken;
  }
  assert.equal(getEventListeners(controller.signal, "abort").length, 0);
  const woken = bell.wait(controller.signal);
  controller.abort();
  await woken;
  await bell.wait(controller.signal);
});
