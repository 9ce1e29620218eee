import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { checkBind, findListener, isLoopback, portInUse, urlOf } from "./port.ts";

test("what only this machine can reach", () => {
  for (const host of ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LocalHost"])
    assert.equal(isLoopback(host), true, host);
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "example.org", "127.0.0.1.example.org", ""])
    assert.equal(isLoopback(host), false, host);
});

test("any other address is refused unless it was asked for", () => {
  assert.throws(() => checkBind("0.0.0.0", false), { code: "insecure-bind", hint: /--insecure/ });
  checkBind("0.0.0.0", true);
  checkBind("127.0.0.1", false);
});

test("urls that clients of this machine can use", () => {
  assert.equal(urlOf("127.0.0.1", 1), "http://127.0.0.1:1");
  assert.equal(urlOf("0.0.0.0", 1), "http://127.0.0.1:1");
  assert.equal(urlOf("::", 1), "http://[::1]:1");
  assert.equal(urlOf("::1", 1), "http://[::1]:1");
});

test("a port is traced to its process", { skip: process.platform !== "linux" }, async () => {
  for (const host of ["127.0.0.1", "::1"]) {
    const server = createServer().listen(0, host);
    try {
      await once(server, "listening");
    } catch {
      continue; // A machine without IPv6.
    }
    const { port } = server.address() as AddressInfo;
    assert.equal(findListener(port), process.pid);
    assert.match(
      portInUse(host, port).message,
      new RegExp(`Port ${port} on .* in use by process ${process.pid} \\(.*node`),
    );
    server.close();
    await once(server, "close");
    assert.equal(findListener(port), null);
  }
});
