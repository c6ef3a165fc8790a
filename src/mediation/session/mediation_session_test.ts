import assert from "node:assert/strict";
import { concatenate } from "../../ipfix/octets/concatenate.ts";
import { MessageBuilder } from "../../../test/support/messages/message_builder.ts";
import { decodeMessageHeader } from "../../ipfix/message/message_header.ts";
import { setsOfMessage } from "../../ipfix/message/set.ts";
import { type Dialect, GO_IPFIX_LEGACY } from "../mapping/profile/dialect.ts";
import type { MediationEvent } from "../templates/event.ts";
import { Mediator, type MediatorOptions } from "./mediator.ts";
import type { Plugin } from "../mapping/plugin.ts";
import type { SessionFacts, SessionRewriter } from "./session_rewriter.ts";
import { field, GO_IPFIX, profileOf, registryHistory, RFC7011, template } from "../../../test/support/mediation.ts";
import { processorTime } from "../../../test/support/time/processor_time.ts";

function mediatorOf(dialect: Dialect, options: Partial<MediatorOptions> = {}): Mediator {
  const treatment = { profile: profileOf(dialect), plugins: [] };
  return new Mediator({ chooseTreatment: () => treatment, registryHistory, ...options });
}

function open(mediator: Mediator, facts: Partial<SessionFacts> = {}) {
  const events: MediationEvent[] = [];
  return { session: mediator.open({ reliable: true, notify: (event) => events.push(event), ...facts }), events };
}

/** All that comes of the input, as one write after the other. */
function rewriteAll(session: SessionRewriter, ...messages: readonly Uint8Array[]): Uint8Array[] {
  const input = concatenate(messages);
  const writes: Uint8Array[] = [];
  const output = new Uint8Array(65535);
  let start = 0;
  do {
    const octets = session.rewrite(input.subarray(start), output);
    if (octets.length > 0) writes.push(octets.slice());
    start += session.consumed;
  } while (session.consumed > 0 || session.produced > 0);
  return writes;
}

/** Each set as `id:octets`, where it is a template set with the id of its first record. */
function sets(...writes: readonly Uint8Array[]): string[] {
  const octets = concatenate(writes);
  const found: string[] = [];
  for (let start = 0; start < octets.length;) {
    const { length } = decodeMessageHeader(octets, start);
    for (const { id, contentOffset, end } of setsOfMessage(octets, start, start + length)) {
      const first = (octets[contentOffset] ?? 0) * 256 + (octets[contentOffset + 1] ?? 0);
      found.push(id < 256 ? `template ${first}` : `${id}: ${end - contentOffset}`);
    }
    start += length;
  }
  return found;
}

const protocol = (id = 256) => template(id, ["protocolIdentifier"]);
const ports = (id = 256) => template(id, ["sourceTransportPort", "sourceTransportPort"]);
const message = (header = {}) => new MessageBuilder({ observationDomainId: 1, ...header });

Deno.test("a template whose withdrawal the collector is not told is not announced to its next connection", () => {
  const { session } = open(mediatorOf(GO_IPFIX));
  rewriteAll(session, message().templateSet([protocol(256)]).build(), message().templateSet([protocol(257)]).build());
  for (let id = 1000; id < 1100; id++) {
    rewriteAll(session, message().templateSet([protocol(id)]).templateSet([{ withdraw: id }]).build());
  }
  rewriteAll(session, message().templateSet([{ withdraw: 256 }]).build());
  session.restart();
  assert.deepEqual(sets(...rewriteAll(session)), ["template 257"]);
});

Deno.test("a template that is announced again, before anything else comes, has the export time of its message", () => {
  const { session } = open(mediatorOf(GO_IPFIX));
  rewriteAll(session, message({ exportTime: 99 }).templateSet([protocol()]).build());
  session.restart();
  const [again = new Uint8Array()] = rewriteAll(session);
  assert.equal(decodeMessageHeader(again).exportTime, 99);
});

Deno.test("a template that is replaced by one that is refused is not announced any more", () => {
  const { session } = open(mediatorOf(GO_IPFIX));
  const refused = template(256, ["flowStartMicroseconds"]);
  rewriteAll(session, message().templateSet([protocol()]).build(), message().templateSet([refused]).build());
  session.restart();
  assert.deepEqual(rewriteAll(session), []);
});

Deno.test("a redefinition that gets another shared id leaves the old one to the others that have it", () => {
  const mediator = mediatorOf(GO_IPFIX_LEGACY);
  const [one, other] = [open(mediator).session, open(mediator).session];
  for (const session of [one, other]) rewriteAll(session, message().templateSet([protocol()]).build());
  const moved = rewriteAll(one, message().templateSet([ports()]).dataSet(ports(), [[1, 2]]).build());
  assert.deepEqual(sets(...moved), ["template 65535", "65535: 4"]);
  one.restart();
  assert.deepEqual(sets(...rewriteAll(one)), ["template 65535"]);
  other.restart();
  assert.deepEqual(sets(...rewriteAll(other)), ["template 256"]);
});

Deno.test("a template that is withdrawn in what never arrived is announced once more, for the data before it", () => {
  const { session } = open(mediatorOf(GO_IPFIX));
  rewriteAll(session, message().templateSet([protocol()]).build());
  const output = new Uint8Array(65535);
  session.restart(
    session.rewrite(message().dataSet(protocol(), [[6]]).templateSet([{ withdraw: 256 }]).build(), output),
  );
  assert.deepEqual(sets(...rewriteAll(session)), ["template 256", "256: 1"]);
  session.restart();
  assert.deepEqual(rewriteAll(session), [], "and not a second time");
});

Deno.test("input and output inside or outside the loop's memory give the same result", () => {
  const { session } = open(mediatorOf(RFC7011));
  const messages = [message().templateSet([protocol()]).build(), message().dataSet(protocol(), [[6], [17]]).build()];
  assert.deepEqual(concatenate(rewriteAll(session, ...messages)), concatenate(messages));
});

Deno.test("a record that fits no message is dropped alone: those around it go out, in as few messages as they need", () => {
  const named = template(256, ["interfaceName", "protocolIdentifier"]);
  const [short, long] = [(octet: number) => ["a".repeat(40), octet], ["b".repeat(200), 0]];
  const { session, events } = open(mediatorOf(GO_IPFIX), { maxMessageLength: 120 });
  rewriteAll(session, message().templateSet([named]).build());
  const records = [long, short(1), short(2), long, long, short(3), long];
  const writes = rewriteAll(session, message().dataSet(named, records).build());
  assert.deepEqual(sets(...writes), ["256: 84", "256: 42"]);
  assert.equal(session.counters.recordsDropped.get("record_too_long"), 4);
  assert.deepEqual(events.map(({ event }) => event), ["template_mapped", "records_dropped"], "told once");
  const [first, second] = writes.flatMap((write) => {
    const { length, sequenceNumber } = decodeMessageHeader(write, 0);
    return [sequenceNumber, ...(length < write.length ? [decodeMessageHeader(write, length).sequenceNumber] : [])];
  });
  assert.deepEqual([first, second], [0, 2], "what is sent is counted");
});

Deno.test("a message whose records are all too long sends nothing, and ends", () => {
  const named = template(256, ["interfaceName"]);
  const { session } = open(mediatorOf(GO_IPFIX), { maxMessageLength: 120 });
  rewriteAll(session, message().templateSet([named]).build());
  assert.deepEqual(rewriteAll(session, message().dataSet(named, [["b".repeat(200)], ["b".repeat(200)]]).build()), []);
  assert.equal(session.counters.recordsDropped.get("record_too_long"), 2);
});

Deno.test("a template's records are counted whichever way they go out: rewritten, relayed, or in the loop", () => {
  const { session } = open(mediatorOf(RFC7011));
  const data = message().dataSet(protocol(), [[6], [17]]);
  rewriteAll(
    session,
    message().templateSet([protocol()]).dataSet(protocol(), [[6]]).build(),
    data.build(),
    data.dataSet(protocol(), [[1]]).build(),
  );
  assert.deepEqual(session.templates().map(({ records }) => records), [6]);
  assert.equal(session.counters.recordsSent, 6);
});

Deno.test("a session that is closed gives back what it held, once, and rewrites no more", () => {
  const mediator = mediatorOf(GO_IPFIX_LEGACY, { limits: { templates: 1 } });
  const { session } = open(mediator);
  rewriteAll(session, message().templateSet([protocol()]).build());
  const other = open(mediator).session;
  assert.deepEqual(rewriteAll(other, message().templateSet([ports()]).build()), [], "the cap over all sessions");
  session.close();
  session.close();
  assert.throws(() => session.rewrite(new Uint8Array(), new Uint8Array(65535)), /closed/);
  const announced = rewriteAll(other, message().templateSet([ports()]).build());
  assert.deepEqual(sets(...announced), ["template 256"], "the shared id is free again, and the cap has room");
  assert.deepEqual(rewriteAll(other, message().templateSet([protocol(300)]).build()), [], "for one, not for two");
});

Deno.test("a withdrawal of an id that sessions share does not go out: others' records use it", () => {
  const dialect: Dialect = { ...RFC7011, templateScope: "observation-domain" };
  const { session } = open(mediatorOf(dialect));
  rewriteAll(session, message().templateSet([protocol()]).build());
  assert.deepEqual(sets(...rewriteAll(session, message().templateSet([{ withdraw: 256 }]).build())), []);
  session.restart();
  assert.deepEqual(sets(...rewriteAll(session)), []);
});

Deno.test("empty fields cost nothing per record: 65,515 records with 16,000 of them, stripped or refused", () => {
  const fields = ["protocolIdentifier", ...Array(16_000).fill(field("0/9999", 0))];
  const [data, options] = [template(256, fields), template(257, fields, 1)];
  const strip: Plugin = { name: "strip", rewrite: (mapping) => ({ ...mapping, fields: mapping.fields.slice(0, 1) }) };
  const treatment = { profile: profileOf(GO_IPFIX), plugins: [strip] };
  const { session } = open(mediatorOf(GO_IPFIX, { chooseTreatment: () => treatment }));
  const records = new Uint8Array(65_515).fill(6);
  rewriteAll(session, message().templateSet([data]).build(), message().optionsTemplateSet([options]).build());
  const begin = processorTime();
  rewriteAll(session, message().set(256, records).build(), message().set(257, records).build());
  assert.ok(processorTime() - begin < 1_000, "at a nanosecond a field and record, this took two seconds");
  assert.equal(session.counters.recordsSent, records.length);
  assert.equal(session.counters.recordsDropped.get("options_template"), records.length);
});

Deno.test("a mapping that was good for one collector is no fallback for another: there the template is refused", () => {
  let broken = false;
  const plugin: Plugin = {
    name: "breaks",
    rewrite(mapping) {
      if (broken) throw new Error("no such luck");
      return { ...mapping, fields: mapping.fields.slice(0, 1) };
    },
  };
  const treatmentFor = (name: string) => ({ profile: profileOf(GO_IPFIX, { name }), plugins: [plugin] });
  const [first, same, another] = [treatmentFor("v2.0"), treatmentFor("v2.0"), treatmentFor("v1.15")];
  const mediator = mediatorOf(GO_IPFIX, { chooseTreatment: () => first });
  const { session } = open(mediator);
  rewriteAll(session, message().templateSet([ports()]).build());
  broken = true;
  mediator.reconfigure({ chooseTreatment: () => same });
  session.remap();
  assert.deepEqual(session.templates().map(({ outcome }) => outcome), ["rewritten"]);
  mediator.reconfigure({ chooseTreatment: () => another });
  session.renew();
  assert.deepEqual(session.templates().map(({ outcome }) => outcome), ["refused"]);
  assert.deepEqual(rewriteAll(session, message().dataSet(ports(), [[1, 2]]).build()), []);
  assert.equal(session.counters.recordsDropped.get("mapping_failed"), 1);
});

Deno.test("a template withdrawn in a message that was given up, and announced again, stands at the new collector", () => {
  const { session } = open(mediatorOf(GO_IPFIX), { maxMessageLength: 120 });
  const named = template(257, ["interfaceName"]);
  rewriteAll(session, message().templateSet([protocol()]).build(), message().templateSet([named]).build());
  const long = message().dataSet(named, Array(4).fill(["a".repeat(90)])).templateSet([{ withdraw: 256 }]).build();
  session.rewrite(long, new Uint8Array(130));
  assert.deepEqual([session.consumed, session.producedRecords], [0, 1]);
  assert.equal(session.renew(), 3, "records that the new collector does not get");
  const again = message().templateSet([protocol()]).build();
  assert.deepEqual(sets(...rewriteAll(session, long, again)), ["template 257", "template 256"]);
  session.restart();
  assert.deepEqual(sets(...rewriteAll(session)), ["template 257", "template 256"]);
});
