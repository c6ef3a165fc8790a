import assert from "node:assert/strict";
import { isAllowedHost, isJson, isLoopback, isSameOrigin } from "./guard.ts";

Deno.test("the Host header must name this machine or the bound address", () => {
  const cases: [header: string | undefined, boundHost: string, allowed: boolean][] = [
    ["127.0.0.1:24780", "127.0.0.1", true],
    ["localhost:8080", "127.0.0.1", true],
    ["LOCALHOST", "127.0.0.1", true],
    ["[::1]:24780", "127.0.0.1", true],
    ["proxy.localhost", "127.0.0.1", true],
    ["evil.example:24780", "127.0.0.1", false],
    ["localhost.evil.example", "127.0.0.1", false],
    ["127.0.0.1.evil.example", "127.0.0.1", false],
    ["10.1.2.3:24780", "127.0.0.1", false],
    ["10.1.2.3:24780", "10.1.2.3", true],
    ["10.1.2.3:24780", "0.0.0.0", true],
    ["[fd00::7]:24780", "::", true],
    ["evil.example", "0.0.0.0", false],
    ["node-7", "node-7", true],
    ["127.0.0.1@evil.example", "127.0.0.1", false],
    ["", "127.0.0.1", false],
    [undefined, "127.0.0.1", false],
  ];
  for (const [header, boundHost, allowed] of cases) {
    assert.equal(isAllowedHost(header, { boundHost }), allowed, `${header} on ${boundHost}`);
  }
  assert.equal(isAllowedHost("proxy.svc:1", { boundHost: "0.0.0.0", allowedHosts: () => ["Proxy.svc"] }), true);
});

Deno.test("loopback addresses are recognised; what only looks like one is not", () => {
  for (const address of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]) {
    assert.equal(isLoopback(address), true, address);
  }
  for (const address of ["128.0.0.1", "10.0.0.1", "::ffff:10.0.0.1", "::", "127.0.0.1.example"]) {
    assert.equal(isLoopback(address), false, address);
  }
});

Deno.test("an origin is the server's own or no browser's", () => {
  const url = "http://127.0.0.1:24780/api/drain";
  assert.equal(isSameOrigin("http://127.0.0.1:24780", "same-origin", url), true);
  assert.equal(isSameOrigin(undefined, undefined, url), true);
  assert.equal(isSameOrigin("http://127.0.0.1:9", undefined, url), false);
  assert.equal(isSameOrigin("null", undefined, url), false);
  assert.equal(isSameOrigin(undefined, "cross-site", url), false);
  assert.equal(isSameOrigin("http://127.0.0.1:24780", "same-site", url), false);
});

Deno.test("a content type that only begins like JSON's is refused", () => {
  assert.equal(isJson("application/json"), true);
  assert.equal(isJson("Application/JSON; charset=utf-8"), true);
  for (const type of [undefined, "text/plain", "application/jsonp", "text/plain; application/json"]) {
    assert.equal(isJson(type), false, String(type));
  }
});
