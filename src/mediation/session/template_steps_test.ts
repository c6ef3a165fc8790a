/**
 * However large a template or a session is, one call does a small part of the work, and others have a turn before the
 * next.
 */
import assert from "node:assert/strict";
import { concatenate } from "../../ipfix/octets/concatenate.ts";
import { DecodeError } from "../../ipfix/octets/decode_error.ts";
import { MessageBuilder } from "../../../test/support/messages/message_builder.ts";
import { field, GO_IPFIX, profileOf, registryHistory, RFC7011, template } from "../../../test/support/mediation.ts";
import type { Plugin } from "../mapping/plugin.ts";
import type { Profile } from "../mapping/profile/profile.ts";
import { Mediator } from "./mediator.ts";
import type { SessionRewriter } from "./session_rewriter.ts";

/** Microseconds, as in a session of the proxy. */
const WORK = 1_000;
const PLUGINS = 5;
const LIMITS = { templatesPerSession: 1_000 };

/** A treatment whose plugins note that they have run, and each move the first field to the end. */
function treatmentOf(profile: Profile, calls: { plugins: number }) {
  const rewrite: Plugin["rewrite"] = (mapping) => {
    calls.plugins++;
    return { ...mapping, fields: [...mapping.fields.slice(1), ...mapping.fields.slice(0, 1)] };
  };
  return { profile, plugins: Array.from({ length: PLUGINS }, (_, index) => ({ name: `plugin ${index}`, rewrite })) };
}

function open() {
  const calls = { plugins: 0 };
  const first = treatmentOf(profileOf(RFC7011), calls);
  const mediator = new Mediator({ chooseTreatment: () => first, registryHistory, limits: LIMITS });
  return { calls, mediator, session: mediator.open({ reliable: true }) };
}

const huge = template(256, Array(16_000).fill("protocolIdentifier"));
const announcement = (...templates: readonly (typeof huge)[]) =>
  new MessageBuilder({ observationDomainId: 1 }).templateSet(templates).build();

/** Runs the same until it is done. Returns how many plugins ran in each turn. */
function turns(calls: { plugins: number }, run: () => boolean): number[] {
  const ran: number[] = [];
  for (let isDone = false; !isDone;) {
    calls.plugins = 0;
    isDone = run();
    ran.push(calls.plugins);
  }
  return ran;
}

function take(session: SessionRewriter, octets: Uint8Array, calls: { plugins: number }): number[] {
  const output = new Uint8Array(70_000);
  let start = 0;
  return turns(calls, () => {
    session.rewrite(octets.subarray(start), output, WORK);
    start += session.consumed;
    return !session.unfinished && session.consumed === 0 && session.produced === 0;
  });
}

function assertInTurns(ran: readonly number[], plugins: number): void {
  assert.ok(Math.max(...ran) <= 1, `one turn ran ${Math.max(...ran)} plugins over 16,000 fields`);
  assert.equal(ran.reduce((sum, one) => sum + one, 0), plugins);
}

Deno.test("a template of 16,000 fields is mapped one plugin at a time, and compiled after them", () => {
  const { session, calls } = open();
  const ran = take(session, announcement(huge), calls);
  assertInTurns(ran, PLUGINS);
  assert.ok(ran.length > PLUGINS + 3, `${ran.length} turns`);
  assert.equal(session.templates()[0]?.outcome, "rewritten");
});

Deno.test("what is mapped in turns is the same as what is mapped at once", () => {
  const [one, other] = [open(), open()];
  take(one.session, announcement(huge), one.calls);
  other.session.rewrite(announcement(huge), new Uint8Array(70_000));
  assert.deepEqual(one.session.templates(), other.session.templates());
});

Deno.test("a template that is abandoned half-way leaves nothing behind, and can come again", () => {
  const { session, calls } = open();
  const octets = announcement(huge);
  session.rewrite(octets, new Uint8Array(70_000), WORK);
  assert.ok(session.unfinished);
  session.discard();
  assert.deepEqual(session.templates(), []);
  assertInTurns(take(session, octets, calls), PLUGINS);
});

Deno.test("at a reload a session maps its huge templates in turns, whether or not its exporter sends anything", () => {
  const { session, mediator, calls } = open();
  take(session, announcement(huge, template(257, ["octetDeltaCount"])), calls);
  const second = treatmentOf(profileOf(RFC7011), calls);
  mediator.reconfigure({ chooseTreatment: () => second, limits: LIMITS });
  assertInTurns(turns(calls, () => session.remap(WORK)).slice(0, -1), PLUGINS);

  const third = treatmentOf(profileOf(RFC7011), calls);
  mediator.reconfigure({ chooseTreatment: () => third, limits: LIMITS });
  session.remap(WORK);
  take(session, announcement(template(258, ["octetDeltaCount"])), calls);
  assert.equal(session.templates().length, 3);
});

Deno.test("for another collector a session maps its templates in turns, and begins with them at once when they are ready", () => {
  const { session, mediator, calls } = open();
  take(session, announcement(huge), calls);
  const other = treatmentOf(profileOf(RFC7011, { name: "other" }), calls);
  mediator.reconfigure({ chooseTreatment: () => other, limits: LIMITS });
  assertInTurns(turns(calls, () => session.prepare(WORK) === undefined), PLUGINS);
  calls.plugins = 0;
  session.renew();
  assert.equal(calls.plugins, 0, "all was mapped before");
  assert.equal(session.outdated, false);
});

Deno.test("a session of 500 templates maps them over many turns at a reload", () => {
  const { session, mediator, calls } = open();
  const many = Array.from({ length: 500 }, (_, index) => template(256 + index, ["octetDeltaCount", "userName"]));
  take(session, announcement(...many), calls);
  const second = treatmentOf(profileOf(RFC7011), calls);
  mediator.reconfigure({ chooseTreatment: () => second, limits: LIMITS });
  const ran = turns(calls, () => session.remap(WORK));
  assert.ok(ran.length > 20, `${ran.length} turns`);
  assert.ok(Math.max(...ran) <= 30 * PLUGINS, `one turn ran ${Math.max(...ran)} plugins`);
  assert.equal(session.templates().every(({ outcome }) => outcome === "rewritten"), true);
});

/** Milliseconds that it takes to withdraw all of this many templates. */
function withdrawAll(count: number): number {
  const treatment = { profile: profileOf(RFC7011), plugins: [] };
  const memory = { templateMemory: 64 * 2 ** 20 };
  const limits = { ...memory, templatesPerSession: count, templates: count };
  const session = new Mediator({ chooseTreatment: () => treatment, registryHistory, limits }).open({ reliable: true });
  const calls = { plugins: 0 };
  for (let first = 0; first < count; first += 1_000) {
    const some = Array.from({ length: 1_000 }, (_, index) => template(256 + first + index, ["protocolIdentifier"]));
    take(session, announcement(...some), calls);
  }
  assert.equal(session.templates().length, count);
  const begin = performance.now();
  take(session, new MessageBuilder({ observationDomainId: 1 }).templateSet([{ withdraw: 2 }]).build(), calls);
  const milliseconds = performance.now() - begin;
  assert.deepEqual(session.templates(), []);
  session.close();
  return milliseconds;
}

Deno.test("withdrawing 8,000 templates takes about eight times as long as 1,000, not sixty-four times", () => {
  let [few, many] = [Infinity, Infinity];
  // The least of several times each, and of more where a busy machine spoils them.
  for (let round = 0; round < 20 && (round < 5 || many >= 24 * few); round++) {
    few = Math.min(few, withdrawAll(1_000));
    many = Math.min(many, withdrawAll(8_000));
  }
  assert.ok(many < 24 * few, `${many.toFixed(1)} ms, ${few.toFixed(1)} for an eighth of them`);
});

Deno.test("a message of 900 templates that is broken at its end is refused once all of them are taken back, over several calls", () => {
  const { session } = open();
  const many = Array.from({ length: 900 }, (_, index) => template(256 + index, ["protocolIdentifier"]));
  const named = template(2_000, ["interfaceName"]);
  const broken = new MessageBuilder({ observationDomainId: 1 }).templateSet([...many, named])
    .set(named.id, Uint8Array.of(200, 1, 2)).build();
  const output = new Uint8Array(70_000);
  let calls = 0;
  const read = () => {
    for (; calls < 1_000; calls++) session.rewrite(broken, output, WORK);
  };
  assert.throws(read, DecodeError);
  assert.ok(calls > 3, `${calls} calls`);
  assert.deepEqual(session.templates(), []);
  session.rewrite(announcement(template(2_000, ["protocolIdentifier"])), output);
  assert.deepEqual(session.templates().map((state) => state.template), [2_000]);
});

Deno.test("thousands of messages without a set are read in several calls", () => {
  const { session } = open();
  const empty = new MessageBuilder({ observationDomainId: 1 }).build();
  const messages = 4_000;
  const octets = new Uint8Array(messages * empty.length);
  for (let message = 0; message < messages; message++) octets.set(empty, message * empty.length);
  let [start, calls] = [0, 0];
  while (start < octets.length) {
    session.rewrite(octets.subarray(start), new Uint8Array(70_000), WORK);
    assert.ok(session.consumed <= WORK * empty.length, `${session.consumed / empty.length} messages in one call`);
    start += session.consumed;
    calls++;
  }
  assert.ok(calls >= 4, `${calls} calls`);
  assert.equal(session.counters.messagesReceived, messages);
  session.close();
});

Deno.test("records that are dropped are counted in several calls, however many messages they fill", () => {
  const treatment = { profile: profileOf(GO_IPFIX), plugins: [] };
  const session = new Mediator({ chooseTreatment: () => treatment, registryHistory }).open({ reliable: true });
  const output = new Uint8Array(70_000);
  session.rewrite(announcement(template(257, [field("flowStartMicroseconds", 65535)])), output);
  const message = new MessageBuilder({ observationDomainId: 1 }).set(257, new Uint8Array(60_000)).build();
  const octets = concatenate([message, message, message, message]);
  let calls = 0;
  for (let start = 0; start < octets.length; calls++) {
    session.rewrite(octets.subarray(start), output, WORK);
    start += session.consumed;
  }
  assert.ok(calls >= 4, `${calls} calls`);
  assert.equal(session.counters.recordsDropped.get("everything_stripped"), 240_000);
  session.close();
});

/** Counts the fields that are decoded. */
function counting() {
  const decoded = { fields: 0 };
  const resolve: typeof registryHistory.resolve = (...specifier) => {
    decoded.fields++;
    return registryHistory.resolve(...specifier);
  };
  return { decoded, registryHistory: { ...registryHistory, resolve } };
}

const OUTPUT = new Uint8Array(70_000);

Deno.test("a template that is known, or finds no room, is not decoded", () => {
  const { decoded, registryHistory } = counting();
  const treatment = { profile: profileOf(RFC7011), plugins: [] };
  const limits = { templateMemory: 16 * 2 ** 20 };
  const session = new Mediator({ chooseTreatment: () => treatment, registryHistory, limits }).open({ reliable: true });
  session.rewrite(announcement(huge), OUTPUT);
  assert.equal(decoded.fields, 16_000);
  for (let time = 0; time < 3; time++) session.rewrite(announcement(huge), OUTPUT);
  session.rewrite(announcement({ ...huge, id: 257 }), OUTPUT);
  session.rewrite(announcement({ ...huge, id: 258 }), OUTPUT);
  assert.deepEqual([...session.counters.templates], [["identity", 1], ["refused", 2]]);
  assert.equal(decoded.fields, 16_000);
  session.close();
});

Deno.test("of sessions that announce huge templates at once, only one works at a time; when it ends, the next begins", async () => {
  const { decoded, registryHistory } = counting();
  const treatment = { profile: profileOf(RFC7011), plugins: [] };
  const mediator = new Mediator({ chooseTreatment: () => treatment, registryHistory });
  const sessions = Array.from({ length: 6 }, () => mediator.open({ reliable: true }));
  const turnOf = (index: number) => {
    const session = sessions[index];
    assert.ok(session !== undefined);
    session.rewrite(announcement({ ...huge, id: 256 + index }), OUTPUT, WORK);
    return session;
  };
  for (let turn = 0; turn < 2; turn++) sessions.forEach((_, index) => turnOf(index));
  assert.equal(decoded.fields, 2_048, "only the first has begun");
  assert.ok(sessions.every(({ waiting }, index) => (waiting === undefined) === (index === 0)));
  // The first is closed in the middle of it, the second gives its message up.
  sessions[0]?.close();
  await sessions[1]?.waiting;
  turnOf(1);
  assert.equal(decoded.fields, 4_096);
  sessions[1]?.discard();
  for (const index of [2, 3, 4, 5]) {
    await sessions[index]?.waiting;
    let turns = 0;
    while (turnOf(index).unfinished) assert.ok(turns++ < 100);
    assert.equal(sessions[index]?.templates()[0]?.outcome, "identity");
  }
  assert.equal(decoded.fields, 4_096 + 4 * 16_000);
  for (const session of sessions) session.close();
});
