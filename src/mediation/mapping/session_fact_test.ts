import assert from "node:assert/strict";
import { sessionFactLength, sessionFactOctets } from "./session_fact.ts";

const IPV4 = Uint8Array.of(192, 0, 2, 1);
const IPV6 = Uint8Array.from({ length: 16 }, (_, index) => index);

Deno.test("an observation domain is four octets in network order, up to the largest", () => {
  const octets = (observationDomain: number) =>
    sessionFactOctets("observationDomainId", { exporterAddress: undefined, observationDomain });
  assert.deepEqual(octets(0x01020304), Uint8Array.of(1, 2, 3, 4));
  assert.deepEqual(octets(0xffffffff), Uint8Array.of(255, 255, 255, 255));
});

Deno.test("an exporter's address is in the element of its family; the other one is zeros", () => {
  for (
    const [exporterAddress, ipv4, ipv6] of [
      [IPV4, IPV4, new Uint8Array(16)],
      [IPV6, new Uint8Array(4), IPV6],
      [undefined, new Uint8Array(4), new Uint8Array(16)],
    ]
  ) {
    const values = { exporterAddress, observationDomain: 1 };
    assert.deepEqual(sessionFactOctets("exporterIPv4Address", values), ipv4);
    assert.deepEqual(sessionFactOctets("exporterIPv6Address", values), ipv6);
  }
});

Deno.test("every fact has as many octets as it says", () => {
  for (const fact of ["exporterIPv4Address", "exporterIPv6Address", "observationDomainId"] as const) {
    const values = { exporterAddress: IPV4, observationDomain: 1 };
    assert.equal(sessionFactOctets(fact, values).length, sessionFactLength(fact));
  }
});
