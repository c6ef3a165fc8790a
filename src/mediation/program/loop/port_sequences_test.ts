import assert from "node:assert/strict";
import { withoutMemory } from "../../../../test/support/loop_memory.ts";
import { usedOctets } from "./memory.ts";
import { PortSequences } from "./port_sequences.ts";
import { Sequence } from "./sequence.ts";

/** Follows messages as [port, number, records]. Returns the gaps, counted when the session has ended. */
function gapsOf(...messages: readonly [port: number, received: number, records: number][]): number {
  const shared = new Sequence(true);
  const ports = new PortSequences(shared);
  messages.forEach(([port, received, records], second) => ports.follow(port, received, records, true, second * 20));
  ports.end();
  const gaps = ports.takeGaps();
  assert.equal(ports.takeGaps(), 0, "taken once");
  ports.close();
  shared.close();
  return gaps;
}

Deno.test("ports that count apart have no gap where each goes on from its own number", () => {
  assert.equal(gapsOf([1, 0, 2], [2, 700, 1], [1, 2, 1], [2, 701, 5], [3, 0, 1], [2, 706, 1], [1, 3, 1]), 0);
  assert.equal(gapsOf([1, 0, 2], [2, 700, 1], [1, 2, 1], [2, 703, 5], [3, 0, 1], [2, 708, 1], [1, 3, 1]), 1);
});

Deno.test("one port sends templates and never counts, the other sends data", () => {
  assert.equal(gapsOf([1, 0, 0], [2, 0, 9], [2, 9, 1], [1, 0, 0], [2, 10, 5], [1, 0, 0], [2, 15, 1]), 0);
  assert.equal(gapsOf([1, 0, 0], [2, 0, 9], [2, 9, 1], [1, 0, 0], [2, 12, 5], [1, 0, 0], [2, 17, 1]), 1);
});

Deno.test("ports that share one count have no gap where one goes on from the other's number", () => {
  assert.equal(gapsOf([1, 0, 2], [2, 2, 1], [1, 3, 1], [1, 4, 1], [2, 5, 7], [1, 12, 1]), 0);
  assert.equal(gapsOf([1, 0, 2], [2, 2, 1], [1, 3, 1], [1, 4, 1], [2, 8, 7], [1, 15, 1]), 1);
});

Deno.test("an exporter with a port for each message has one count, and its ports take no memory", () => {
  const before = usedOctets();
  const each = (number: number): [number, number, number] => [1_000 + number, number, 1];
  const messages = Array.from({ length: 100 }, (_, number) => each(number));
  assert.equal(gapsOf(...messages), 0);
  assert.equal(gapsOf(...messages.toSpliced(50, 1)), 1);
  assert.equal(usedOctets(), before);
});

Deno.test("where memory is used up, ports are followed by the count that they share", () => {
  const shared = new Sequence(true);
  const ports = new PortSequences(shared);
  ports.follow(1, 0, 2, true, 0);
  const before = usedOctets();
  withoutMemory(() => {
    assert.equal(ports.follow(2, 2, 1, true, 1), 0);
    assert.equal(ports.follow(1, 3, 1, true, 2), 0);
  });
  assert.ok(usedOctets() < before, "those of the ports are released");
  assert.equal(ports.several, true);
  ports.close();
  shared.close();
});
