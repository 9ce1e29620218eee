import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { discover, normalizeUrl, stateHome } from "./discovery.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "titan-sdk-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("the address: explicit, TITAN_URL, TITAN_HOST with TITAN_PORT, this machine", () => {
  const env = { HOME: folder, TITAN_URL: "http://b:2/", TITAN_HOST: "c", TITAN_PORT: "3" };
  assert.equal(discover({ url: "http://a:1" }, env).url, "http://a:1");
  assert.equal(discover({}, env).url, "http://b:2");
  assert.equal(discover({}, { ...env, TITAN_URL: "" }).url, "http://c:3");
  assert.equal(discover({}, { HOME: folder, TITAN_HOST: "::1" }).url, "http://[::1]:9090");
  assert.equal(discover({}, { HOME: folder }).url, "http://127.0.0.1:9090");
});

test("an address may be short and keeps its path; what is none is refused, naming where it came from", () => {
  assert.equal(normalizeUrl("gpubox:9090", "url"), "http://gpubox:9090");
  assert.equal(normalizeUrl("https://x.org/titan/", "url"), "https://x.org/titan");
  for (const text of ["ftp://x", "http://", "", "http://a b"]) {
    assert.throws(() => discover({}, { HOME: folder, TITAN_URL: text || " " }), {
      code: "bad-field",
      field: "TITAN_URL",
    });
  }
  assert.throws(() => discover({}, { HOME: folder, TITAN_PORT: "99999" }), {
    code: "bad-field",
    field: "TITAN_PORT",
  });
});

test("the token: explicit, TITAN_TOKEN, TITAN_TOKEN_FILE, the user's own, none", () => {
  const env = { TITAN_STATE_HOME: folder };
  assert.equal(discover({}, env).token, null);
  writeFileSync(join(folder, "token"), "own\n", { mode: 0o600 });
  assert.equal(discover({}, env).token, "own");
  chmodSync(join(folder, "token"), 0o644);
  assert.throws(() => discover({}, env), { code: "unauthorized", hint: /chmod 600/ });
  chmodSync(join(folder, "token"), 0o600);
  writeFileSync(join(folder, "named"), " named \n");
  const named = { ...env, TITAN_TOKEN_FILE: join(folder, "named") };
  assert.equal(discover({}, named).token, "named");
  assert.equal(discover({}, { ...named, TITAN_TOKEN: "variable" }).token, "variable");
  assert.equal(discover({ token: "explicit" }, { ...named, TITAN_TOKEN: "variable" }).token, "explicit");
  const absent = { ...env, TITAN_TOKEN_FILE: join(folder, "absent") };
  assert.throws(() => discover({}, absent), { code: "unauthorized", message: /absent/ });
});

test("the state folder: TITAN_STATE_HOME, XDG_STATE_HOME, the home folder", () => {
  mkdirSync(join(folder, "x"));
  assert.equal(stateHome({ TITAN_STATE_HOME: "/t", XDG_STATE_HOME: "/x", HOME: "/h" }), "/t");
  assert.equal(stateHome({ XDG_STATE_HOME: "/x", HOME: "/h" }), "/x/titan");
  assert.equal(stateHome({ HOME: "/h" }), "/h/.local/state/titan");
});
