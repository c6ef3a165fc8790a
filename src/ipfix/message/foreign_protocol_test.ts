import assert from "node:assert/strict";
import { foreignProtocol } from "./foreign_protocol.ts";

const TEXTS: readonly (readonly [octets: string, protocol: string | undefined])[] = [
  ["0005001e", "NetFlow v5"],
  ["00090001", "NetFlow v9"],
  ["0000000500000001", "sFlow v5"],
  ["1603010200010001fc", "TLS"],
  ["15030300020228", "TLS"],
  [new TextEncoder().encode("POST /v1/traces HTTP/1.1").toHex(), "HTTP"],
  [new TextEncoder().encode("HTTP/1.1 400").toHex(), "HTTP"],
  [new TextEncoder().encode("PRI * HTTP/2.0").toHex(), "HTTP"],
  [new TextEncoder().encode("GETTING").toHex(), undefined],
  ["000a0010", undefined],
  ["000a", undefined],
  ["00", undefined],
  ["", undefined],
  ["ffffffff", undefined],
];

for (const [octets, protocol] of TEXTS) {
  Deno.test(`octets ${octets || "(none)"} look like ${protocol ?? "nothing known"}`, () => {
    assert.equal(foreignProtocol(Uint8Array.fromHex(octets)), protocol);
  });
}

Deno.test("the first few octets of another protocol are enough for the hint", () => {
  const text = (value: string) => new TextEncoder().encode(value);
  for (const begin of ["G", "GE", "POS", "H", "HTT", "OPTIONS"]) {
    assert.equal(foreignProtocol(text(begin)), "HTTP", begin);
  }
  assert.equal(foreignProtocol(text("GO")), undefined);
  assert.equal(foreignProtocol(Uint8Array.of(0, 0)), "sFlow");
  assert.equal(foreignProtocol(Uint8Array.of(0, 0, 0)), "sFlow");
  assert.equal(foreignProtocol(Uint8Array.of(0x16)), "TLS");
  assert.equal(foreignProtocol(Uint8Array.of(0)), undefined);
  assert.equal(foreignProtocol(new Uint8Array(0)), undefined);
});
