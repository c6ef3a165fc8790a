import assert from "node:assert/strict";
import { message } from "../../../../test/support/messages/wire.ts";
import { DatagramPorts } from "./datagram_ports.ts";

Deno.test("each message has the port that it came from; one that was refused before it is passed over", () => {
  const ports = new DatagramPorts();
  ports.add(message({ sequenceNumber: 1, exportTime: 7 }), 1001);
  ports.add(message({ sequenceNumber: 1, exportTime: 7 }), 1002);
  ports.add(message({ sequenceNumber: 2, exportTime: 7 }), 1003);
  ports.add(message({ sequenceNumber: 3, exportTime: 7, observationDomain: 9 }), 1004);
  assert.equal(ports.take(1, 1, 7), 1001);
  assert.equal(ports.take(1, 1, 7), 1002);
  assert.equal(ports.take(9, 3, 7), 1004, "the one with number 2 was refused");
  assert.equal(ports.take(9, 3, 7), 0);
});

Deno.test("what a session never reads is forgotten, the oldest first", () => {
  const ports = new DatagramPorts();
  for (let number = 0; number < 40_000; number++) {
    ports.add(message({ sequenceNumber: number, exportTime: 7 }), number % 60_000);
  }
  assert.equal(ports.take(1, 0, 7), 0);
  assert.equal(ports.take(1, 39_999, 7), 39_999);
});
