import assert from "node:assert/strict";
import { Counters, ElementCounts, increment, OTHER_ELEMENTS, UNKNOWN_ELEMENTS } from "./counters.ts";

Deno.test("totals add every counter of a session, and none twice", () => {
  const [session, totals] = [new Counters(), new Counters()];
  const numbers = [
    "messagesReceived",
    "messagesSent",
    "octetsReceived",
    "octetsSent",
    "recordsReceived",
    "recordsSent",
    "recordsResent",
    "sequenceGaps",
  ] as const;
  for (const [index, name] of numbers.entries()) session[name] = index + 1;
  increment(session.pluginErrors, "pad-missing", 2);
  session.countTemplates("rewritten", 3);
  increment(session.recordsDropped, "limit", 4);
  increment(session.messagesRejected, "set_length", 5);
  session.fieldsStripped.add("egressNodeName", 6);
  session.fieldsPadded.add("httpVals", 7);
  session.informationLost.add("56506/999", 8);
  session.noteLostLength("56506/999", 1);
  session.noteLostValue("56506/999", { type: "octetArray", length: 1, octets: Uint8Array.of(9) });

  totals.add(session);
  assert.deepEqual(totals, session, "a counter that `add` forgets stays at 0");
  totals.add(session);
  for (const [index, name] of numbers.entries()) assert.equal(totals[name], 2 * (index + 1), name);
  assert.equal(totals.informationLost.get("56506/999"), 16);
  assert.equal(session.informationLost.get("56506/999"), 8, "the session's own stay");
});

Deno.test("lost values are of elements that are counted by name, the last of each, until they are forgotten", () => {
  const counters = new Counters();
  const value = (octet: number) => ({ type: "unsigned8", length: 1, octets: Uint8Array.of(octet) }) as const;
  counters.noteLostValue("flowType", value(1));
  assert.equal(counters.lostValues.size, 0, "an element counted among others has no place here");
  counters.informationLost.add("flowType", 1);
  counters.noteLostValue("flowType", value(1));
  counters.noteLostValue("flowType", value(2));
  assert.deepEqual([...counters.lostValues], [["flowType", value(2)]]);
  counters.forgetLostValues();
  assert.equal(counters.lostValues.size, 0);
  assert.equal(counters.informationLost.get("flowType"), 1);
});

Deno.test("elements that exporters make up share one counter past the bound; registry names never do", () => {
  const counts = new ElementCounts();
  for (let id = 0; id < UNKNOWN_ELEMENTS + 1000; id++) counts.add(`4294967295/${id}`, 2);
  assert.equal(counts.size, UNKNOWN_ELEMENTS + 1);
  assert.equal(counts.get(OTHER_ELEMENTS), 2000, "nothing is lost of the sum");

  counts.add("4294967295/0", 1);
  assert.equal(counts.get("4294967295/0"), 3, "what has a counter keeps it");
  counts.add("egressNodeName", 1);
  assert.equal(counts.get("egressNodeName"), 1);
});

Deno.test("the totals of many sessions keep the bound that each session kept", () => {
  const totals = new Counters();
  for (let session = 0; session < 20; session++) {
    const counters = new Counters();
    for (let id = 0; id < 100; id++) counters.fieldsStripped.add(`${session}/${id}`, 1);
    totals.add(counters);
  }
  assert.equal(totals.fieldsStripped.size, UNKNOWN_ELEMENTS + 1);
  assert.equal(totals.fieldsStripped.values().reduce((sum, count) => sum + count), 2000);
});
