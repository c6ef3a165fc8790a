import assert from "node:assert/strict";
import type { Counters } from "../../src/mediation/templates/counters.ts";
import type { Profile } from "../../src/mediation/mapping/profile/profile.ts";
import { deliver, type Delivered, type DeliveredMessage } from "./delivered.ts";
import { DialectChecker } from "./dialect_checker.ts";
import type { Reference } from "./reference/reference_rewriter.ts";
import type { Rewritten } from "./rewrite_all.ts";

/** What of a delivery counts: not the id where ids are given out over sessions. */
function comparable(item: Delivered, profile: Profile): Delivered {
  const { kind, observationDomain, exportTime, id, layout, values } = item;
  const shared = profile.dialect.templateScope === "observation-domain";
  const told = { kind, observationDomain, exportTime, id: shared ? 0 : id, layout };
  return values === undefined ? told : { ...told, values };
}

/**
 * Holds what came out of a session against the reference: what is delivered and in which order, every sequence number,
 * what was dropped and why, where the first refused message begins, and the collector's dialect. How it is cut into
 * messages is free.
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
  const placed = reference.place(splitMessages(messages, reference));
  for (const { first, records, sequenceNumber, observationDomain, items: count } of messages) {
    const item = placed[first];
    if (item === undefined || count === 0) continue; // an empty message: the reference does not speak of it
    const expected = (item.position + (item.inclusive ? records : 0)) % 2 ** 32;
    assert.equal(sequenceNumber, (expected + 2 ** 32) % 2 ** 32, `sequence number in domain ${observationDomain}`);
  }
  if (counters !== undefined) {
    const { counts } = reference;
    assert.deepEqual(sorted(counters.recordsDropped), sorted(reference.dropped), "what was dropped and why");
    assert.deepEqual(sorted(counters.messagesRejected), sorted(reference.rejected), "messagesRejected");
    assert.deepEqual(sorted(counters.templates), sorted(counts.templates), "templates");
    assert.deepEqual(sorted(counters.fieldsStripped), sorted(counts.stripped), "fieldsStripped");
    assert.deepEqual(sorted(counters.fieldsPadded), sorted(counts.padded), "fieldsPadded");
    assert.deepEqual(sorted(counters.informationLost), sorted(counts.lost), "informationLost");
    assert.deepEqual(sorted(counters.referenceFaults), sorted(counts.faults), "referenceFaults");
    assert.equal(counters.recordsReceived, counts.recordsReceived, "recordsReceived");
    assert.equal(counters.sequenceGaps, counts.gaps, "sequenceGaps");
    assert.equal(counters.messagesReceived, reference.messages, "messagesReceived");
    assert.equal(counters.messagesSent, messages.length, "messagesSent");
    assert.equal(counters.recordsSent, items.filter(({ kind }) => kind === "record").length, "recordsSent");
    assert.equal(counters.octetsSent, actual.output.length, "octetsSent");
    assert.equal(counters.octetsReceived, actual.consumed - actual.skipped, "octetsReceived");
  }
  new DialectChecker(profile, maxMessageLength).writes("only", actual.writes);
}

/** Messages that came in and went out as more than one. */
function splitMessages(messages: readonly DeliveredMessage[], { items }: Reference): Set<number> {
  const split = new Set<number>();
  for (const { first } of messages) {
    const [before, item] = [items[first - 1], items[first]];
    if (before !== undefined && before.message === item?.message) split.add(item.message);
  }
  return split;
}

function sorted<Key extends string>(counts: ReadonlyMap<Key, number>): [Key, number][] {
  return [...counts].filter(([, count]) => count > 0).sort(([one], [other]) => one < other ? -1 : 1);
}
