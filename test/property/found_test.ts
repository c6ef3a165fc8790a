/** What the properties found, each with the smallest input that shows it. */
import assert from "node:assert/strict";
import type { Profile } from "../../src/mediation/mapping/profile/profile.ts";
import { antreaProfile, era, history, rfc7011, withoutLimits } from "../support/messages/antrea.ts";
import { assertAsReference } from "../support/compare.ts";
import { referenceRewrite } from "../support/reference/reference_rewriter.ts";
import { rewriteAll } from "../support/rewrite_all.ts";
import { openSession } from "../support/session.ts";
import { field, join, message, number, set, templateSet, type WireTemplate } from "../support/messages/wire.ts";

const v115 = antreaProfile("v1.15.2");
const v26 = antreaProfile("v2.6.3");

/** Runs a session of its own and holds it against the reference. */
function run(profile: Profile, ...messages: readonly Uint8Array[]) {
  const octets = join(...messages);
  const { session, events } = openSession(profile);
  const rewritten = rewriteAll(session, octets);
  const reference = referenceRewrite({ profile, history }, octets);
  assertAsReference(rewritten, reference, profile, session.counters);
  const { counters } = session;
  session.close();
  return { rewritten, counters, events };
}

function template(id: number, ...fields: readonly [element: string, length: number][]): WireTemplate {
  return { id, scope: 0, fields: fields.map(([element, length]) => field(element, length)) };
}

const ports = template(256, ["0/7", 2]);
const unknown = template(257, ["64512/1", 1]);

Deno.test("data before the redefinition of its template, in one message, is counted by the template it went out with", () => {
  const { ipv4 } = era("v1.14.3");
  const fields = ipv4.map((name) =>
    field(name, history.newest.lookup(Number(name.split("/")[0]), Number(name.split("/")[1]))?.length ?? 0)
  );
  const octets = fields.reduce((sum, { length }) => sum + (length === 65535 ? 1 : length), 0);
  const { counters } = run(
    v26,
    message({}, templateSet({ id: 256, scope: 0, fields })),
    message({}, set(256, new Uint8Array(octets)), templateSet({ ...ports, id: 256 })),
  );
  assert.equal(counters.fieldsPadded.get("egressNodeName"), 1);
});

Deno.test("a withdrawal of all templates is not sent to a collector that takes no withdrawals, even if there are none", () => {
  for (const id of [2, 3]) {
    const { rewritten } = run(v115, message({}, set(id, join(number(id, 2), number(0, 2)))));
    assert.equal(rewritten.output.length, 0);
  }
});

Deno.test("data of a refused template is counted by the record, and one that overruns refuses its message", () => {
  const start = message({}, templateSet(ports, unknown));
  const { counters } = run(v115, start, message({}, set(257, number(7, 3)), set(256, number(1, 2))));
  assert.deepEqual([...counters.recordsDropped], [["everything_stripped", 3]]);
  assert.equal(counters.recordsReceived, 4);

  const variable = template(258, ["64512/1", 65535]);
  const { rewritten } = run(v115, message({}, templateSet(variable)), message({}, set(258, number(9, 2))));
  assert.equal(rewritten.error?.reason, "field_overrun");
});

Deno.test("an exporter whose numbers include a message's own records keeps that way where some are dropped", () => {
  const data = (sequenceNumber: number, ports: number, dropped: number) =>
    message({ sequenceNumber }, set(256, number(1, 2 * ports)), set(257, number(1, dropped)));
  const { counters } = run(
    v115,
    message({}, templateSet(ports, unknown)),
    data(5, 2, 3),
    data(9, 3, 1),
    data(10, 1, 0),
  );
  assert.equal(counters.sequenceGaps, 0);
});

Deno.test("jumps of the exporter's numbers are counted on the fast path too", () => {
  const data = (sequenceNumber: number) => message({ sequenceNumber }, set(256, number(1, 2)));
  const { counters } = run(rfc7011, message({}, templateSet(ports)), data(0), data(1), data(7), data(8), data(2));
  assert.equal(counters.sequenceGaps, 2);
});

Deno.test("a template with only empty fields left does not go out: a set of its records would never end", () => {
  const profile = withoutLimits("v2.6.3", { emptyMessages: false });
  const { rewritten, counters } = run(
    profile,
    message({}, templateSet(template(256, ["64512/1", 8], ["0/82", 0]))),
    message({}, set(256, number(1, 16))),
  );
  assert.equal(rewritten.output.length, 0);
  assert.deepEqual([...counters.recordsDropped], [["everything_stripped", 2]]);
});

Deno.test("messages of both paths count together towards the limit of one write", () => {
  const profile = withoutLimits("v2.6.3", { messagesPerWrite: 3 });
  const data = message({}, set(256, number(1, 2)));
  const { rewritten } = run(
    profile,
    message({}, templateSet(ports)),
    message({}, templateSet(ports)),
    data,
    data,
    data,
  );
  assert.equal(rewritten.writes.length, 2);
});

Deno.test("an options template whose scope the collector's decoder cannot take is refused, not cut to another one", () => {
  const profile = withoutLimits("v2.6.3", { fieldLengths: "registry", emptyMessages: false });
  const options = { id: 256, scope: 1, fields: [field("64512/1", 2), field("0/7", 2)] };
  const { rewritten, counters } = run(profile, message({}, templateSet(options)), message({}, set(256, number(1, 4))));
  assert.equal(rewritten.output.length, 0);
  assert.deepEqual([...counters.recordsDropped], [["everything_stripped", 1]]);
});

Deno.test("an empty octet array whose registry length is fixed becomes zeros", () => {
  const { rewritten } = run(
    antreaProfile("v2.7.0"),
    message({}, templateSet(template(256, ["56506/166", 0], ["0/7", 2]))),
    message({}, set(256, number(1, 2))),
  );
  assert.equal(rewritten.output.length, 16 + 4 + 4 + 8 + 4 + 16 + 4 + 16 + 2);
});

Deno.test("a message that is dropped whole because its records are too long does not count as sent", () => {
  const text = template(256, ["0/82", 65535]);
  const octets = join(
    message({}, templateSet(text)),
    message({ sequenceNumber: 0 }, set(256, join(number(255, 1), number(600, 2), new Uint8Array(600)))),
    message({ sequenceNumber: 1 }, set(256, number(0, 1))),
  );
  const { session } = openSession(v26, { maxMessageLength: 512 });
  const reference = referenceRewrite({ profile: v26, history, maxMessageLength: 512 }, octets);
  assertAsReference(rewriteAll(session, octets), reference, v26, session.counters, 512);
  assert.deepEqual([...session.counters.recordsDropped], [["record_too_long", 1]]);
  session.close();
});
