import assert from "node:assert/strict";
import { DecodeError } from "../../../ipfix/octets/decode_error.ts";
import { MessageBuilder } from "../../../../test/support/messages/message_builder.ts";
import { Counters } from "../../templates/counters.ts";
import type { Dialect } from "../../mapping/profile/dialect.ts";
import type { DropReason, MediationEvent } from "../../templates/event.ts";
import { MessageReader } from "./message_reader.ts";
import { allocate, memoryOctets, view } from "../../program/loop/memory.ts";
import { Routes } from "../../program/loop/routes.ts";
import { SessionTemplates } from "../intake/session_templates.ts";
import { TemplateIntake } from "../intake/template_intake.ts";
import { GO_IPFIX, profileOf, RFC7011, sharedState, targetOf, template } from "../../../../test/support/mediation.ts";

const INPUT = allocate(65536);

function readerOf(dialect: Dialect = RFC7011, { reliable = true, maxMessageLength = 65535 } = {}) {
  const shared = sharedState({ profile: profileOf(dialect), plugins: [] });
  const events: MediationEvent[] = [];
  const drops: [DropReason, number][] = [];
  const notify = (event: MediationEvent) => void events.push(event);
  const intake = new TemplateIntake(shared, { reliable }, targetOf(shared, maxMessageLength), { notify });
  const templates = new SessionTemplates(shared, intake, new Routes(maxMessageLength), new Counters(), { notify });
  const drop = (reason: DropReason, _domain: number, _template: number, _message: string, records: number) =>
    void drops.push([reason, records]);
  const reader = new MessageReader({
    templates,
    reliable,
    target: { dialect, maxMessageLength },
    events: { drop, notify },
  });
  /** Reads a message that stands, in the middle of other octets. */
  const read = (builder: MessageBuilder) => {
    const message = builder.build();
    const octets = view(INPUT, message.length + 20);
    octets.fill(0xa5);
    memoryOctets.set(message, INPUT + 10);
    const steps = reader.steps({ octets, start: 10, address: INPUT });
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    const plan = step.value;
    templates.undoLog.commit();
    templates.undoLog.finish();
    return plan;
  };
  const warnings = () => events.flatMap((event) => event.event === "warning" ? [event.message] : []);
  return { read, templates, drops, events, warnings };
}

const protocol = template(256, ["protocolIdentifier"]);
const ports = template(257, ["sourceTransportPort", "sourceTransportPort"]);
const named = template(258, ["interfaceName"]);
const options = template(300, ["protocolIdentifier", "octetDeltaCount"], 1);
const message = (header = {}) => new MessageBuilder({ observationDomainId: 7, ...header });

Deno.test("a plan says what goes out, in order, and what the header said", () => {
  const { read, templates } = readerOf();
  const builder = message({ exportTime: 99, sequenceNumber: 5 }).templateSet([protocol, ports])
    .dataSet(protocol, [[6], [17]]).dataSet(ports, [[1, 2]], { padding: 3 });
  const plan = read(builder);
  assert.deepEqual(
    plan.items.map((item) =>
      item.kind === "data" ? [item.template.source.id, item.start, item.end, item.records] : [item.targetId, item.set]
    ),
    [[256, 0], [257, 0], [256, 44, 46, 2], [257, 50, 54, 1]],
  );
  const { length, exportTime, sequenceNumber, observationDomain, records, received, dropped } = plan;
  assert.deepEqual(
    { length, exportTime, sequenceNumber, observationDomain, records, received, dropped },
    { length: 57, exportTime: 99, sequenceNumber: 5, observationDomain: 7, records: 3, received: 3, dropped: false },
  );
  assert.equal(plan.domain, templates.domains.get(7));
});

Deno.test("data is read by the template in force at its place: a redefinition counts from where it is", () => {
  const { read } = readerOf();
  const wide = template(256, ["octetDeltaCount"]);
  read(message().templateSet([protocol]));
  const plan = read(message().dataSet(protocol, [[6]]).templateSet([wide]).dataSet(wide, [[9n]]));
  const data = plan.items.flatMap((item) => item.kind === "data" ? [item.template.source.fields[0]?.length] : []);
  assert.deepEqual(data, [1, 8]);
});

const RELAYED: readonly [what: string, relay: boolean, dialect: Partial<Dialect>, message: MessageBuilder][] = [
  ["templates and data that need no change", true, {}, message().templateSet([protocol]).dataSet(protocol, [[6]])],
  ["no sets", true, {}, message()],
  ["no sets, where none may be", false, { emptyMessages: false }, message()],
  [
    "two sets, where one may be",
    false,
    { setsPerMessage: 1 },
    message().templateSet([protocol]).dataSet(protocol, [[6]]),
  ],
  ["two records, where one may be", false, { templateRecordsPerSet: 1 }, message().templateSet([protocol, ports])],
  ["padding", true, {}, message().templateSet([ports]).dataSet(ports, [[1, 2]], { padding: 3 })],
  [
    "padding, where none may be",
    false,
    { setPadding: false },
    message().templateSet([ports]).dataSet(ports, [[1, 2]], { padding: 3 }),
  ],
  ["padded templates, where none may be", false, { setPadding: false }, message().templateSet([ports], { padding: 3 })],
  [
    "a template that changes",
    false,
    GO_IPFIX,
    message().templateSet([template(256, ["octetDeltaCount", "subTemplateList"])]),
  ],
  ["data before its template", false, {}, message().dataSet(protocol, [[6]])],
  ["a reserved set", false, {}, message().set(4, Uint8Array.of(1))],
  ["an empty data set", false, {}, message().templateSet([protocol]).dataSet(protocol, [])],
  ["a withdrawal", true, {}, message().templateSet([protocol]).templateSet([{ withdraw: 256 }])],
  [
    "a withdrawal, where none may be",
    false,
    { withdrawals: false },
    message().templateSet([protocol]).templateSet([{ withdraw: 256 }]),
  ],
  ["a withdrawal of all", false, {}, message().templateSet([protocol]).templateSet([{ withdraw: 2 }])],
];

for (const [what, relay, dialect, builder] of RELAYED) {
  Deno.test(`a message with ${what} ${relay ? "goes out as it came" : "is written anew"}`, () => {
    assert.equal(readerOf({ ...RFC7011, ...dialect }).read(builder).relay, relay);
  });
}

Deno.test("a message longer than the collector takes is written anew", () => {
  const builder = message().templateSet([protocol]).dataSet(protocol, [[6]]);
  const { length } = builder.build();
  assert.equal(readerOf(RFC7011, { maxMessageLength: length }).read(builder).relay, true);
  assert.equal(readerOf(RFC7011, { maxMessageLength: length - 1 }).read(builder).relay, false);
});

Deno.test("dropped data is reported with its reason and number of records; a set whose records cannot be counted counts as one", () => {
  const { read, drops } = readerOf(GO_IPFIX);
  const plan = read(
    message().optionsTemplateSet([options]).dataSet(options, [[6, 1n], [6, 2n]]).dataSet(protocol, [[6], [6]])
      .set(4, new Uint8Array()),
  );
  assert.deepEqual(drops, [["options_template", 2], ["unknown_template", 1], ["reserved_set", 1]]);
  assert.deepEqual([plan.dropped, plan.records, plan.received], [true, 0, 2]);
});

for (
  const [what, content] of [["empty", 0], ["nothing but padding", 3], ["nothing but more padding", 8]] as const
) {
  Deno.test(`a set that is ${what} is no loss, and is not reported`, () => {
    const { read, drops, events } = readerOf();
    const octets = new Uint8Array(content);
    const rest = octets.subarray(0, 3); // of these templates, more would be a record
    const plan = read(
      message().templateSet([ports]).optionsTemplateSet([options]).set(2, octets).set(3, octets)
        .set(257, rest).set(300, rest).set(999, octets.subarray(0, 0)),
    );
    assert.deepEqual(drops, []);
    assert.deepEqual(events.filter(({ event }) => event !== "template_mapped"), []);
    assert.deepEqual([plan.dropped, plan.records, plan.received], [false, 0, 0]);
  });
}

for (
  const [what, first] of [["goes out", named], [
    "is refused",
    template(258, ["flowStartMicroseconds", "interfaceName"]),
  ]] as const
) {
  Deno.test(`a record that overruns its set breaks the message, whether its template ${what}; the error says where`, () => {
    const { read } = readerOf(GO_IPFIX);
    read(message().templateSet([first]));
    const broken = message().set(258, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 9, 97));
    assert.throws(() => read(broken), (error: unknown) => {
      assert.ok(error instanceof DecodeError);
      assert.equal(error.reason, "field_overrun");
      assert.match(error.message, /template 258 in observation domain 7/);
      assert.ok(error.offset >= 30 && error.offset <= 38, `at ${error.offset} of the octets given`);
      return true;
    });
  });
}

Deno.test("a template with another layout is warned of, the same again is not", () => {
  const { read, warnings } = readerOf();
  read(message().templateSet([protocol]).templateSet([protocol]));
  assert.deepEqual(warnings(), []);
  read(message().templateSet([template(256, ["octetDeltaCount"])]));
  assert.deepEqual(warnings(), ["a template with another layout replaces it"]);
});

Deno.test("withdrawals apply to their own kind, by id or all at once; what they cannot mean is warned of", () => {
  const { read, templates, warnings } = readerOf();
  const left = () => [...templates.domains.get(7)?.templates.keys() ?? []];
  read(message().templateSet([protocol, ports]).optionsTemplateSet([options]));
  read(message().templateSet([{ withdraw: 300 }, { withdraw: 999 }, Uint8Array.of(0, 3, 0, 0, 0, 100, 0, 0)]));
  assert.deepEqual(left(), [256, 257, 300]);
  assert.deepEqual(warnings(), [
    "the withdrawal of an unknown template is ignored",
    "the withdrawal of an unknown template is ignored",
    "the withdrawal of id 3 in a set 2 is ignored",
    "the withdrawal of id 100 in a set 2 is ignored",
  ]);
  const one = read(message().templateSet([{ withdraw: 257 }]));
  assert.deepEqual(left(), [256, 300]);
  assert.deepEqual(one.items.map((item) => item.kind === "announcement" && [item.targetId, item.withdrawal]), [[
    257,
    true,
  ]]);
  read(message().templateSet([{ withdraw: 2 }]));
  assert.deepEqual(left(), [300]);
  read(message().optionsTemplateSet([{ withdraw: 3 }]));
  assert.deepEqual(left(), []);
});

Deno.test("over UDP a withdrawal changes nothing", () => {
  const { read, templates, warnings } = readerOf(RFC7011, { reliable: false });
  read(message().templateSet([protocol]).templateSet([{ withdraw: 256 }, { withdraw: 2 }]));
  assert.ok(templates.find(7, 256));
  assert.deepEqual(warnings(), Array(2).fill("a withdrawal over UDP is ignored"));
});

Deno.test("a template past a cap is reported as such, and its data counts as data of an unknown one", () => {
  const { read, drops } = readerOf();
  const four = [256, 257, 258, 259].map((id) => ({ ...protocol, id }));
  const plan = read(message().templateSet(four).dataSet({ ...protocol, id: 259 }, [[6]]));
  assert.deepEqual(drops, [["limit", 0], ["unknown_template", 1]]);
  assert.equal(plan.items.length, 3);
});

Deno.test("records that refer to templates share what they refer to until a template changes; then each has those of its place", () => {
  const { read } = readerOf({ ...RFC7011, templateScope: "observation-domain" });
  const lists = template(258, ["subTemplateList"]);
  const list = [[Uint8Array.of(3, 1, 0)]];
  const plan = read(
    message().templateSet([protocol, lists]).dataSet(lists, list)
      .templateSet([protocol]).dataSet(lists, list)
      .templateSet([template(256, ["sourceTransportPort"])]).dataSet(lists, list)
      .templateSet([{ withdraw: 256 }]).dataSet(lists, list),
  );
  const scopes = plan.items.flatMap((item) => item.kind === "data" ? [item.scope] : []);
  assert.equal(scopes[0], scopes[1], "a template that comes again changes nothing");
  assert.deepEqual(
    scopes.map((scope) => scope?.templates.get(256)?.source.fields[0]?.element.name),
    ["protocolIdentifier", "protocolIdentifier", "sourceTransportPort", undefined],
  );
});
