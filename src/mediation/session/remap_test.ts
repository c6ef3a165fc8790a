import assert from "node:assert/strict";
import { history, rfc7011 } from "../../../test/support/messages/antrea.ts";
import { withoutMemory } from "../../../test/support/loop_memory.ts";
import { rewriteAll } from "../../../test/support/rewrite_all.ts";
import {
  field,
  join,
  message,
  readMessages,
  readTemplates,
  set,
  templateSet,
} from "../../../test/support/messages/wire.ts";
import type { Dialect } from "../mapping/profile/dialect.ts";
import { GO_IPFIX_LEGACY } from "../mapping/profile/dialect.ts";
import type { MediationEvent } from "../templates/event.ts";
import { Mediator } from "./mediator.ts";
import type { Plugin } from "../mapping/plugin.ts";
import type { SessionFacts, SessionRewriter, TemplateState } from "./session_rewriter.ts";
import type { Treatment } from "../mapping/chain/treatment.ts";

// protocolIdentifier, ipClassOfService, tcpControlBits: one octet, one octet, two.
const FIELDS = [field("0/4", 1), field("0/5", 1), field("0/6", 2)];
const template = (id = 256) => message({}, templateSet({ id, scope: 0, fields: FIELDS }));
/** Records whose fields are 1, 2, 3. */
const data = (sequenceNumber: number, id = 256, records = 1) =>
  message({ sequenceNumber }, set(id, join(...Array.from({ length: records }, () => Uint8Array.of(1, 2, 0, 3)))));

/** Keeps these elements only. */
function keep(...ids: number[]): Plugin {
  return {
    name: "keep",
    rewrite: (mapping) => ({
      ...mapping,
      fields: mapping.fields.filter(({ target }) => ids.includes(target.element.id)),
    }),
  };
}

const treatment = (dialect: Partial<Dialect>, ...ids: number[]): Treatment => ({
  profile: { ...rfc7011, dialect: { ...rfc7011.dialect, ...dialect } },
  plugins: [keep(...ids)],
});

function mediating(first: Treatment, facts: Partial<SessionFacts> = {}) {
  const mediator = new Mediator({ chooseTreatment: () => first, registryHistory: history });
  const events: MediationEvent[] = [];
  const open = () => mediator.open({ reliable: true, notify: (event) => events.push(event), ...facts });
  return {
    events,
    open,
    session: open(),
    load: (next: Treatment) => mediator.reconfigure({ chooseTreatment: () => next }),
  };
}

/**
 * What a collector reads: `T256(4,5)` a template, `W256` a withdrawal, `D256:0102` data, each behind its message's
 * number.
 */
function said(octets: Uint8Array): string[] {
  return readMessages(octets).map(({ sequenceNumber, sets }) => {
    const words = sets.map((one) => {
      if (one.id >= 256) return `D${one.id}:${one.content.toHex()}`;
      return readTemplates(one).templates.map(({ id, fields }) =>
        fields.length === 0 ? `W${id}` : `T${id}(${fields.map(({ id }) => id).join()})`
      ).join(" ");
    });
    return `${sequenceNumber} ${words.join(" ")}`;
  });
}

const sent = (session: SessionRewriter, ...messages: Uint8Array[]) =>
  said(rewriteAll(session, join(...messages)).output);

Deno.test("remap: what comes out as something else is announced before the next record, in the exporter's count", () => {
  const { session, load, events } = mediating(treatment({ withdrawals: false }, 4, 5, 6));
  assert.deepEqual(sent(session, template(), data(0), data(1)), [
    "0 T256(4,5,6)",
    "0 D256:01020003",
    "1 D256:01020003",
  ]);
  load(treatment({ withdrawals: false }, 6, 4));
  assert.deepEqual(sent(session, data(2)), ["2 D256:01020003"], "nothing before the session is told to");
  session.remap();
  assert.deepEqual(sent(session, data(3)), ["3 T256(4,6)", "3 D256:010003"]);
  assert.equal(session.templates()[0]?.records, 4);
  assert.deepEqual(
    events.map((event) => event.event === "template_mapped" ? event.remapped ?? false : event.event),
    [false, true],
  );
  session.remap();
  assert.deepEqual(sent(session, data(4)), ["4 D256:010003"], "the same again is no news");
  assert.equal(events.length, 2);
  session.close();
});

Deno.test("remap: a template goes before another takes its id where withdrawals are taken, but not over UDP", () => {
  for (const datagrams of [false, true]) {
    const { session, load } = mediating(treatment({}, 4, 5), { datagrams });
    sent(session, template(), data(0));
    load(treatment({}, 5));
    session.remap();
    assert.deepEqual(sent(session, data(1)), [...(datagrams ? [] : ["1 W256"]), "1 T256(5)", "1 D256:02"]);
    session.close();
  }
});

Deno.test("remap: a template that nothing is left of is withdrawn and its records dropped; it comes back", () => {
  const { session, load, events } = mediating(treatment({ emptyMessages: false }, 4));
  sent(session, template(), data(0));
  load(treatment({ emptyMessages: false }));
  session.remap();
  session.remap();
  assert.deepEqual(sent(session, data(1)), ["1 W256"]);
  assert.equal(session.counters.recordsDropped.get("everything_stripped"), 1);
  assert.equal(events.filter(({ event }) => event === "template_refused").length, 1, "said once");
  session.restart();
  assert.deepEqual(sent(session), [], "a new connection does not get it");
  load(treatment({ emptyMessages: false }, 4));
  session.remap();
  assert.deepEqual(sent(session, data(2)), ["0 T256(4)", "0 D256:01"]);
  session.close();
});

Deno.test("remap: a message in hand is finished as it was begun", () => {
  const { session, load } = mediating(treatment({ withdrawals: false }, 6), { maxMessageLength: 28 });
  sent(session, template());
  const output = new Uint8Array(65535);
  const input = data(0, 256, 16_000);
  // Split into messages of 4 records, the first output is full long before the end.
  const first = said(session.rewrite(input, output).slice());
  assert.equal(session.consumed, 0);
  load(treatment({ withdrawals: false }, 5));
  session.remap();
  const rest = sent(session, input, data(16_000));
  assert.ok(first.concat(rest.slice(0, -2)).every((one) => /D256:(0003)+$/.test(one)));
  assert.deepEqual(rest.slice(-2).map((one) => one.replace(/^\d+ /, "")), ["T256(5)", "D256:02"]);
  session.close();
});

Deno.test("remap: a connection lost with the change on its way begins with the templates as they were before it", () => {
  const { session, load } = mediating(treatment({ withdrawals: false }, 4));
  sent(session, template(), data(0));
  const output = new Uint8Array(65535);
  const before = session.rewrite(data(1), output).slice();
  load(treatment({ withdrawals: false }, 5));
  session.remap();
  session.restart(before);
  const all = ["0 T256(4)", "0 D256:01", "1 T256(5)", "1 D256:02"];
  const after = session.rewrite(data(2), output).slice();
  assert.deepEqual(said(after), all);
  session.restart(after);
  assert.deepEqual(sent(session, data(3)), [...all, "2 D256:02"]);
  session.restart();
  assert.deepEqual(sent(session, data(4)), ["0 T256(5)", "0 D256:02"]);
  session.close();
});

Deno.test("remap: where sessions share ids, none is given another layout while records of the old one may be unread", () => {
  const shared = { ...GO_IPFIX_LEGACY, fieldLengths: "template" as const };
  const { open, session: one, load } = mediating(treatment(shared, 4, 5));
  const other = open();
  for (const session of [one, other]) sent(session, template(), data(0));
  load(treatment(shared, 5));
  for (const session of [one, other]) session.remap();
  assert.deepEqual(sent(one, data(1)), ["1 T65535(5)", "1 D65535:02"]);
  assert.deepEqual(sent(other, data(1)), ["1 T65535(5)", "1 D65535:02"], "256 still means the layout of before");
  const late = open();
  assert.deepEqual(sent(late, template(), data(0)), ["0 T65535(5)", "0 D65535:02"]);
  load(treatment(shared, 4, 5));
  one.remap();
  assert.deepEqual(sent(one, data(2)), ["2 T256(4,5)", "2 D256:0102"], "and back, under the id it had");
  for (const session of [one, other, late]) session.close();
  load(treatment(shared, 6));
  const last = open();
  assert.deepEqual(sent(last, template()), ["0 T256(6)"], "all ids are given back in the end");
  last.close();
});

Deno.test("remap: what any number of changes holds is bounded, and given back", () => {
  const shared = { ...GO_IPFIX_LEGACY, fieldLengths: "template" as const };
  const { session, load, open } = mediating(treatment(shared, 4, 5));
  sent(session, template());
  for (let times = 0; times < 500; times++) {
    load(treatment(shared, ...[[4, 5], [4], [5], [6], [5, 6]][times % 5] ?? []));
    session.remap();
    sent(session, data(times));
  }
  assert.equal(session.templates().length, 1);
  session.close();
  load(treatment(shared, 4, 6));
  const last = open();
  assert.deepEqual(sent(last, template()), ["0 T256(4,6)"]);
  last.close();
});

Deno.test("outdated: another profile or dialect is another collector, other plugins are not", () => {
  const { session, load } = mediating(treatment({}, 4, 5));
  load(treatment({}, 5));
  assert.equal(session.outdated, false);
  load(treatment({ setsPerMessage: 1 }, 5));
  assert.equal(session.outdated, true);
  session.renew();
  assert.equal(session.outdated, false);
  session.close();
});

Deno.test("renew: what was made for the collector before is dropped and counted, the templates of the new one go first", () => {
  const { session, load } = mediating(treatment({}, 4, 5, 6));
  sent(session, template(), data(0), data(1));
  const output = new Uint8Array(65535);
  const unsent = session.rewrite(join(data(2, 256, 5), data(7)), output).slice();
  load({ ...treatment({ setsPerMessage: 1, withdrawals: false }, 5), profile: { ...rfc7011, name: "other" } });
  assert.equal(session.renew(unsent, { maxMessageLength: 500 }), 6);
  assert.equal(session.counters.recordsDropped.get("collector_unavailable"), 6);
  assert.deepEqual(sent(session, data(8)), ["0 T256(5)", "0 D256:02"]);
  session.close();
});

Deno.test("renew: a message half of which went out is given up, and the input goes on behind it", () => {
  const { session, load } = mediating(treatment({}, 6), { maxMessageLength: 28 });
  sent(session, template());
  const records = 16_000;
  const input = data(0, 256, records);
  session.rewrite(input, new Uint8Array(65535));
  assert.deepEqual([session.consumed, session.produced > 0], [0, true]);
  const { producedRecords } = session;
  load({ ...treatment({}, 5), profile: { ...rfc7011, name: "other" } });
  assert.equal(session.renew(), records - producedRecords);
  assert.deepEqual(sent(session, input, data(records)), ["0 T256(5)", "0 D256:02"]);
  session.close();
});

Deno.test("sourceTemplates: what the exporter announced, refused ones too, teaches another session the same", () => {
  const { session, open } = mediating(treatment({}, 4, 5));
  const options = message({ observationDomain: 9 }, templateSet({ id: 300, scope: 1, fields: FIELDS }));
  const unknown = message({}, templateSet({ id: 257, scope: 0, fields: [field("0/6", 2)] }));
  sent(session, template(), options, unknown, data(0), data(1));
  const other = open();
  sent(other, ...session.sourceTemplates());
  const states = ({ observationDomain, template, outcome }: TemplateState) => [observationDomain, template, outcome];
  assert.deepEqual(other.templates().map(states), session.templates().map(states));
  assert.deepEqual(sent(other, data(2)), ["2 D256:0102"]);
  assert.equal(other.counters.sequenceGaps, 0, "they carry the exporter's present number");
  for (const each of [session, other]) each.close();
});

Deno.test("remap: a mapping for which memory does not suffice is warned of, and the one before goes on, not refused", () => {
  const { session, events, load } = mediating(treatment({}, 4, 5));
  sent(session, template(), data(0));
  load(treatment({}, 5, 6));
  events.length = 0;
  withoutMemory(() => session.remap());
  assert.deepEqual(events.map((event) => [event.event, "message" in event ? event.message : ""]), [
    ["warning", "its earlier mapping stays in force: no template id or no memory is left"],
  ]);
  assert.deepEqual(sent(session, data(1)), ["1 D256:0102"]);
  session.remap();
  assert.deepEqual(sent(session, data(2)), ["2 W256", "2 T256(5,6)", "2 D256:020003"]);
});
