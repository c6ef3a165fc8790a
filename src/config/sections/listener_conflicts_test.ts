import assert from "node:assert/strict";
import { loadConfiguration } from "../load.ts";

function check(listen: string, collector: string) {
  const yaml = `listen: [{ address: "${listen}:4739" }]\ncollector: { address: "${collector}:4739", profile: rfc7011 }`;
  return loadConfiguration("proxy.yaml", { readTextFile: () => yaml });
}

Deno.test("a collector that is the proxy's own listener is a mistake, however either is written", async () => {
  const loops: readonly (readonly [string, string])[] = [
    ["localhost", "127.0.0.1"],
    ["127.0.0.1", "LOCALHOST."],
    ["127.0.0.1", "[::ffff:127.0.0.1]"],
    ["[::1]", "[0:0::0:1]"],
    ["0.0.0.0", "[::FFFF:7f00:2]"],
    ["[::]", "[0:0:0:0:0:0:0:1]"],
  ];
  for (const each of loops) {
    await assert.rejects(check(...each), /collector\.address: is this proxy's own listener/, each.join());
  }
  for (const [listen, collector] of [["127.0.0.1", "127.0.0.2"], ["[::1]", "127.0.0.1"], ["[::1]", "[::2]"]] as const) {
    assert.equal((await check(listen, collector)).listeners.length, 1);
  }
});
