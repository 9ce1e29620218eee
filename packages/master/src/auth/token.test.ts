import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { ensureToken, isAuthorized } from "./token.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "titan-token-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a token is made once, for its owner alone", async () => {
  const home = join(folder, "deep", "titan");
  const token = await ensureToken(home);
  assert.match(token, /^titan_[A-Za-z0-9_-]{43}$/);
  assert.equal(statSync(home).mode & 0o777, 0o700);
  assert.equal(statSync(join(home, "token")).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(home), ["token"]);
  assert.equal(await ensureToken(home), token);
});

test("many starts at once agree on one token", async () => {
  const tokens = await Promise.all(Array.from({ length: 8 }, () => ensureToken(folder)));
  assert.equal(new Set(tokens).size, 1);
});

test("a token that others may read is refused, and says what to do", async () => {
  await ensureToken(folder);
  for (const mode of [0o644, 0o640, 0o604]) {
    chmodSync(join(folder, "token"), mode);
    await assert.rejects(ensureToken(folder), {
      code: "unauthorized",
      message: new RegExp(`may be read by others \\(mode ${mode.toString(8)}\\)`),
      hint: /chmod 600/,
    });
  }
});

test("an empty or torn token file is refused", async () => {
  for (const content of ["", "short", "two words of some length here"]) {
    writeFileSync(join(folder, "token"), content, { mode: 0o600 });
    await assert.rejects(ensureToken(folder), { code: "unauthorized", message: /does not hold a token/ });
  }
});

test("only the whole token, as a bearer, is taken", () => {
  const token = `titan_${"a".repeat(43)}`;
  assert.equal(isAuthorized({ authorization: `Bearer ${token}` }, token), true);
  assert.equal(isAuthorized({ authorization: `bearer ${token}` }, token), true);
  for (const authorization of [
    undefined,
    "",
    "Bearer",
    "Bearer ",
    token,
    `Basic ${token}`,
    `Bearer ${token}x`,
    `Bearer ${token.slice(0, -1)}`,
    `Bearer ${token.slice(0, -1)}b`,
    `Bearer ${"x".repeat(10_000)}`,
  ]) {
    assert.equal(
      isAuthorized(authorization === undefined ? {} : { authorization }, token),
      false,
      authorization,
    );
  }
});
