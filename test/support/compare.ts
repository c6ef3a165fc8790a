import assert from "node:assert/strict";
import type { Counters } from "../../src/mediation/counters.ts";
import type { Profile } from "../../src/mediation/profile.ts";
import { deliver, type Delivered } from "./delivered.ts";
import { DialectChecker } from "./dialect_checker.ts";
import type { Reference } from "./reference_rewriter.ts";
import type { Rewritten } from "./rewrite_all.ts";

/** What of a delivery counts: not the id where ids are given out over sessions. */
function comparable(item: Delivered, profile: Profile): Delivered {
  const { kind, observationDomain, exportTime, id, layout, values } = item;
  const shared = profile.dialect.templateScope === "observation-domain";
  const told = { kind, observationDomain, exportTime, id: shared ? 0 : id, layout };
  return values === undefined ? told : { ...told, values };
}

/**
 * Holds what came out of a session against the reference: what is delivered and in which order, every sequence number, what was
 * dropped and why, where the first refused message begins, and the collector's dialect. How it is cut into messages is free.
 */
export function assertAsReference(
  actual: Rewritten,
  reference: Reference,
  profile: Profile,
  counters?: Counters,
  maxMessageLength = 65535,
): void {
  assert.equal(actual.error?.reason, reference.refused, `refused: ${actual.error?.message ?? "nothing"}`);
  assert.equal(actual.consumed, reference.consumed, "octets consumed");
  const { items, messages } = deliver(actual.output);
  assert.deepEqual(
    items.map((item) => comparable(item, profile)),
    reference.items.map((item) => comparable(item, profile)),
  );
  for (const { first, records, sequenceNumber, observationDomain, items: count } of messages) {
    const item = reference.items[first];
    if (item === undefined || count === 0) continue; // an empty message: the reference does not speak of it
    const expected = (item.position + (item.inclusive ? records : 0)) % 2 ** 32;
    assert.equal(sequenceNumber, (expected + 2 ** 32) % 2 ** 32, `sequence number in domain ${observationDomain}`);
  }
  if (counters !== undefined) {
    assert.deepEqual(sorted(counters.recordsDropped), sorted(reference.dropped), "what was dropped and why");
    assert.equal(counters.recordsSent, items.filter(({ kind }) => kind === "record").length, "recordsSent");
    assert.equal(counters.octetsSent, actual.output.length, "octetsSent");
    assert.equal(counters.octetsReceived, actual.consumed, "octetsReceived");
  }
  new DialectChecker(profile, maxMessageLength).writes("only", actual.writes);
}

function sorted<Key extends string>(counts: ReadonlyMap<Key, number>): [Key, number][] {
  return [...counts].filter(([, count]) => count > 0).sort(([one], [other]) => one < other ? -1 : 1);
}
