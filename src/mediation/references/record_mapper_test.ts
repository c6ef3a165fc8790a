import assert from "node:assert/strict";
import fc from "fast-check";
import { history, rfc7011 } from "../../../test/support/messages/antrea.ts";
import { deliver } from "../../../test/support/delivered.ts";
import { rewriteAll } from "../../../test/support/rewrite_all.ts";
import { mediatorOf } from "../../../test/support/session.ts";
import {
  field,
  join,
  message,
  number,
  set,
  templateSet,
  variable,
  type WireTemplate,
} from "../../../test/support/messages/wire.ts";
import { RFC7011 } from "../mapping/profile/dialect.ts";
import type { MediationEvent } from "../templates/event.ts";
import type { Plugin } from "../mapping/plugin.ts";
import type { Profile } from "../mapping/profile/profile.ts";
import { leaseBuffer, releaseBuffer } from "../program/loop/memory.ts";
import type { MappedField } from "../mapping/template_mapping.ts";

const PORT = field("0/7", 2);
const PROTOCOL = field("0/4", 1);
const NAME = field("0/82", 65535);
const TEMPLATE_ID = field("0/145", 2);
const FLOW_KEYS = field("0/173", 8);
const BASIC = field("0/291", 65535);
const LIST = field("0/292", 65535);
const MULTI_LIST = field("0/293", 65535);

/** Strips protocolIdentifier. If a template has interfaceName, a constant of `padding` octets is put first. */
function stripProtocol(padding = 0): Plugin {
  return {
    name: "strip-protocol",
    rewrite(mapping) {
      const kept = mapping.fields.filter(({ target }) => target.element.name !== "protocolIdentifier");
      const named = kept.find(({ target }) => target.element.name === "interfaceName");
      const constant = { from: "constant", octets: new Uint8Array(padding).fill(120) } as const;
      const padded: MappedField[] = named === undefined || padding === 0
        ? []
        : [{ target: named.target, value: constant }];
      return { ...mapping, fields: [...padded, ...kept] };
    },
  };
}

const SHARED: Profile = { ...rfc7011, name: "shared", dialect: { ...RFC7011, templateScope: "observation-domain" } };

const PLAIN: WireTemplate = { id: 256, scope: 0, fields: [PROTOCOL, PORT, NAME] };
const HOLDER: WireTemplate = { id: 300, scope: 0, fields: [LIST] };
const MULTI_HOLDER: WireTemplate = { id: 301, scope: 0, fields: [MULTI_LIST] };

const plain = (protocol: number, port: number, name: string) =>
  join(number(protocol, 1), number(port, 2), variable(new TextEncoder().encode(name)));
const stripped = (port: number, name: string) => join(number(port, 2), variable(new TextEncoder().encode(name)));
const list = (id: number, ...records: Uint8Array[]) => join(number(3, 1), number(id, 2), ...records);
const block = (id: number, ...records: Uint8Array[]) =>
  join(number(id, 2), number(records.reduce((sum, { length }) => sum + length, 4), 2), ...records);

interface Setup {
  readonly plugins?: readonly Plugin[];
  readonly profile?: Profile;
  readonly maxMessageLength?: number;
}

/** Runs a session over messages made of these sets. */
function run(messages: readonly Uint8Array[][], setup: Setup = {}) {
  const { plugins = [stripProtocol()], profile = rfc7011, maxMessageLength = 65535 } = setup;
  const events: MediationEvent[] = [];
  const mediator = mediatorOf(profile, { plugins });
  const session = mediator.open({ reliable: true, maxMessageLength, notify: (event) => events.push(event) });
  const input = join(...messages.map((sets, index) => message({ sequenceNumber: index }, ...sets)));
  const { output, error } = rewriteAll(session, input);
  if (error !== undefined) throw error;
  const { items, messages: sent } = deliver(output);
  const records = items.filter(({ kind }) => kind === "record").map(({ values = [] }) => values);
  const { counters } = session;
  session.close();
  return { input, output, records, sent, counters, events };
}

/** Returns the values of the second message's records in hexadecimal; the first message announces the templates. */
function valuesOf(templates: readonly WireTemplate[], id: number, record: Uint8Array, setup: Setup = {}) {
  return run([templates.map((template) => templateSet(template)), [set(id, record)]], setup);
}

Deno.test("flow keys follow the fields of the template that the record's templateId names", () => {
  const options: WireTemplate = { id: 400, scope: 1, fields: [TEMPLATE_ID, FLOW_KEYS] };
  // Protocol and interface name are keys; only the name remains, now as the second field.
  const { records, counters } = valuesOf([PLAIN, options], 400, join(number(256, 2), number(0b101, 8)));
  assert.deepEqual(records, [["0100", "0000000000000002"]]);
  assert.equal(counters.referenceFaults.size, 0);
});

Deno.test("flow keys without a templateId are those of the record's own template", () => {
  const own: WireTemplate = { id: 400, scope: 0, fields: [PROTOCOL, PORT, FLOW_KEYS] };
  const { records } = valuesOf([own], 400, join(number(6, 1), number(80, 2), number(0b011, 8)));
  assert.deepEqual(records, [["0050", "0000000000000001"]]);
});

Deno.test("a reference to an unannounced template is kept for a collector without limits, and counted", () => {
  const options: WireTemplate = { id: 400, scope: 1, fields: [TEMPLATE_ID, FLOW_KEYS] };
  const { records, counters, events } = valuesOf([PLAIN, options], 400, join(number(999, 2), number(0b101, 8)));
  assert.deepEqual(records, [["03e7", "0000000000000005"]]);
  assert.deepEqual([...counters.referenceFaults], [["unknown_template", 2]]);
  assert.deepEqual([...counters.informationLost], []);
  const warnings = events.filter(({ event }) => event === "warning");
  assert.equal(warnings.length, 1);
  const [warning] = warnings;
  assert.ok(warning?.event === "warning");
  assert.deepEqual([warning.observationDomain, warning.template], [1, 400]);
  assert.match(warning.message, /templateId refers to template 999, .* octet 20 of its message/);
});

Deno.test("under ids that sessions share a templateId becomes the id that its template got, or 0 where it got none", () => {
  const mediator = mediatorOf(SHARED, { plugins: [] });
  const first = mediator.open({ reliable: true });
  const second = mediator.open({ reliable: true });
  const other = templateSet({ id: 256, scope: 0, fields: [PORT] });
  rewriteAll(first, message({}, other));
  const options: WireTemplate = { id: 400, scope: 1, fields: [TEMPLATE_ID, FLOW_KEYS] };
  const data = set(400, join(number(256, 2), number(1, 8), number(999, 2), number(1, 8)));
  const { output } = rewriteAll(second, message({}, templateSet(PLAIN), templateSet(options), data));
  const { items } = deliver(output);
  assert.equal(items[0]?.id, 65535);
  assert.deepEqual(items.slice(2).map(({ values }) => values), [
    ["ffff", "0000000000000001"],
    ["0000", "0000000000000000"],
  ]);
  assert.deepEqual([...second.counters.referenceFaults], [["unknown_template", 2]]);
  assert.deepEqual([...second.counters.informationLost].sort(), [["flowKeyIndicator", 1], ["templateId", 1]]);
  first.close();
  second.close();
});

Deno.test("records in a subTemplateList follow their template", () => {
  const value = list(256, plain(6, 80, "eth0"), plain(17, 53, ""));
  const { records, counters } = valuesOf([PLAIN, HOLDER], 300, variable(value));
  assert.deepEqual(records, [[list(256, stripped(80, "eth0"), stripped(53, "")).toHex()]]);
  assert.deepEqual([...counters.fieldsStripped], [["protocolIdentifier", 2]]);
  assert.deepEqual([...counters.informationLost], [["protocolIdentifier", 2]]);
  assert.equal(counters.recordsSent, 1);
});

Deno.test("a list that grows past 254 octets gets the long form of its length, one that shrinks below the short form", () => {
  const grown = valuesOf([PLAIN, HOLDER], 300, variable(list(256, plain(6, 80, "a"))), {
    plugins: [stripProtocol(250)],
  });
  const padding = variable(new Uint8Array(250).fill(120));
  const expected = list(256, join(padding, stripped(80, "a")));
  assert.equal(expected.length, 258);
  assert.deepEqual(grown.records, [[expected.toHex()]]);
  assert.ok(grown.output.toHex().endsWith(variable(expected).toHex()));
  const name = "n".repeat(248);
  const shrunk = valuesOf([PLAIN, HOLDER], 300, variable(list(256, plain(6, 80, name))));
  assert.ok(shrunk.output.toHex().endsWith(`fe${list(256, stripped(80, name)).toHex()}`));
});

Deno.test("a subTemplateMultiList: each template its own way, an unknown one as it came, a refused one left out", () => {
  const refused: WireTemplate = { id: 257, scope: 0, fields: [PROTOCOL] };
  const value = join(
    number(4, 1),
    block(256, plain(6, 80, "a")),
    block(999, number(1, 3)),
    block(257, number(6, 1)),
    block(256),
  );
  const { records, counters } = valuesOf([PLAIN, refused, MULTI_HOLDER], 301, variable(value));
  const expected = join(number(4, 1), block(256, stripped(80, "a")), block(999, number(1, 3)), block(256));
  assert.deepEqual(records, [[expected.toHex()]]);
  assert.deepEqual([...counters.referenceFaults], [["unknown_template", 1], ["refused_template", 1]]);
  assert.equal(counters.informationLost.get("subTemplateMultiList"), 1);
});

Deno.test("lists in lists are followed, through a basicList as well", () => {
  const specifier = join(number(292, 2), number(65535, 2));
  const basicHolder: WireTemplate = { id: 302, scope: 0, fields: [PROTOCOL, BASIC] };
  const inner = (record: Uint8Array) => join(number(1, 1), specifier, variable(list(256, record)));
  const outer = (...records: Uint8Array[]) => list(302, ...records);
  const value = outer(join(number(1, 1), variable(inner(plain(6, 80, "a")))));
  const { records, counters } = valuesOf([PLAIN, basicHolder, HOLDER], 300, variable(value));
  assert.deepEqual(records, [[outer(variable(inner(stripped(80, "a")))).toHex()]]);
  assert.deepEqual([...counters.fieldsStripped], [["protocolIdentifier", 2]]);
});

Deno.test("a basicList of templateIds is put right, one of other elements is copied", () => {
  const basicHolder: WireTemplate = { id: 302, scope: 0, fields: [BASIC, BASIC] };
  const ids = join(number(3, 1), number(145, 2), number(2, 2), number(256, 2), number(999, 2));
  const unknown = join(number(3, 1), number(0x8009, 2), number(2, 2), number(64512, 4), number(7, 2));
  const { records } = valuesOf([PLAIN, basicHolder], 302, join(variable(ids), variable(unknown)), {
    profile: SHARED,
  });
  assert.deepEqual(records, [[join(ids.slice(0, 7), number(0, 2)).toHex(), unknown.toHex()]]);
});

Deno.test("eight lists in one another are followed, the ninth is left out", () => {
  const nested = (depth: number, innermost: Uint8Array): Uint8Array =>
    depth === 1 ? innermost : list(300, variable(nested(depth - 1, innermost)));
  const eight = valuesOf([PLAIN, HOLDER], 300, variable(nested(8, list(256, plain(6, 80, "a")))));
  assert.deepEqual(eight.records, [[nested(8, list(256, stripped(80, "a"))).toHex()]]);
  const nine = valuesOf([PLAIN, HOLDER], 300, variable(nested(9, list(256, plain(6, 80, "a")))));
  assert.deepEqual(nine.records, [[nested(9, list(300)).toHex()]]);
  assert.deepEqual([...nine.counters.referenceFaults], [["deep_list", 1]]);
  assert.equal(nine.counters.informationLost.get("subTemplateList"), 1);
});

const EMPTY_HERE: Profile = {
  ...rfc7011,
  name: "other",
  dialect: { ...RFC7011, undecodableTypes: new Set(["float32"]) },
};

const MALFORMED: readonly [what: string, template: WireTemplate, value: string, harmless: boolean, empty: string][] = [
  ["no octet", HOLDER, "", true, "ff012c"],
  ["half a template id", HOLDER, "0301", true, "03012c"],
  ["half a record of a template that changes", HOLDER, "03010006", false, "03012c"],
  ["half a record of one that does not", HOLDER, "03010100", true, "03012c"],
  ["a block over its end", MULTI_HOLDER, "04010000ff", false, "04"],
  ["a block length below 4, of an unknown template", MULTI_HOLDER, "0403e70003", true, "04"],
  ["octets behind the last block", MULTI_HOLDER, "0403e70004ff", true, "04"],
  ["half an item", { ...HOLDER, fields: [BASIC] }, "030007000200", true, "0300070002"],
  ["half an item of lists", { ...HOLDER, fields: [BASIC] }, "030124ffff05", false, "030124ffff"],
  ["half an element", { ...HOLDER, fields: [BASIC] }, "03800700020000", true, "0300d2ffff"],
  ["items of no octets", { ...HOLDER, fields: [BASIC] }, "030052000001", true, "0300520000"],
];

for (const [what, template, value, harmless, empty] of MALFORMED) {
  Deno.test(`a list with ${what} goes ${harmless ? "as it came" : "out empty"} without limits, empty elsewhere`, () => {
    const unchanged: WireTemplate = { id: 257, scope: 0, fields: [PORT] };
    for (const profile of [rfc7011, EMPTY_HERE]) {
      const octets = Uint8Array.fromHex(value);
      const templates = [PLAIN, unchanged, template];
      const { records, counters } = valuesOf(templates, template.id, variable(octets), { profile });
      const stays = harmless && profile === rfc7011;
      assert.deepEqual(records, [[stays ? value : empty]]);
      assert.deepEqual([...counters.referenceFaults], [["malformed_list", 1]]);
      assert.equal([...counters.informationLost.values()].length, stays ? 0 : 1);
    }
  });
}

Deno.test("where sessions share ids, an empty list names a template by the id that the collector has it by", () => {
  const mediator = mediatorOf(SHARED, { plugins: [stripProtocol()] });
  const [first, second] = [mediator.open({ reliable: true }), mediator.open({ reliable: true })];
  rewriteAll(first, message({}, templateSet({ ...HOLDER, fields: [PORT] })));
  const octets = variable(Uint8Array.fromHex("03010006"));
  const { output } = rewriteAll(
    second,
    join(message({}, templateSet(PLAIN), templateSet(HOLDER)), message({}, set(HOLDER.id, octets))),
  );
  const records = deliver(output).items.filter(({ kind }) => kind === "record");
  assert.deepEqual(records.map(({ values }) => values), [["03ffff"]]);
  first.close();
  second.close();
});

Deno.test("a record that goes out with a malformed list in it keeps its other lists", () => {
  const two: WireTemplate = { id: 300, scope: 0, fields: [LIST, LIST] };
  const good = variable(list(256, plain(6, 80, "a")));
  const { records } = valuesOf([PLAIN, two], 300, join(variable(Uint8Array.of(3, 1, 0, 6)), good));
  assert.deepEqual(records, [["03012c", list(256, stripped(80, "a")).toHex()]]);
});

Deno.test("while all templates are the identity, everything is relayed octet for octet, well-formed or not", () => {
  const long = variable(list(256, plain(6, 80, "a")), true);
  const messages = [
    [templateSet(PLAIN), templateSet(HOLDER)],
    [set(300, join(long, variable(Uint8Array.of(3, 1)), variable(list(999, number(1, 2)))))],
  ];
  const { input, output, counters } = run(messages, { plugins: [] });
  assert.equal(output.toHex(), input.toHex());
  assert.equal(counters.referenceFaults.size, 0);
});

Deno.test("length octets in their long form stay where the list keeps its length", () => {
  const unchanged: WireTemplate = { id: 257, scope: 0, fields: [PORT, NAME] };
  const long = variable(list(257, join(number(80, 2), variable(Uint8Array.of(65), true))), true);
  const { output, records } = valuesOf([PLAIN, unchanged, HOLDER], 300, long);
  assert.equal(records.length, 1);
  assert.ok(output.toHex().endsWith(long.toHex()));
});

Deno.test("references follow the templates as they stand at their place in the message", () => {
  const data = set(300, variable(list(256, number(1, 2))));
  const before: WireTemplate = { id: 256, scope: 0, fields: [PROTOCOL, field("0/5", 1)] };
  const after: WireTemplate = { id: 256, scope: 0, fields: [field("0/5", 1), PROTOCOL] };
  const sets = [
    templateSet(before),
    templateSet(HOLDER),
    data,
    templateSet(after),
    data,
    set(2, number(256 << 16, 4)),
    data,
  ];
  const { records } = run([sets]);
  assert.deepEqual(records, [[list(256, number(1, 1)).toHex()], [list(256, number(0, 1)).toHex()], [
    list(256, number(1, 2)).toHex(),
  ]]);
});

Deno.test("a record whose list of fixed length no longer fills its field is dropped and counted", () => {
  const fixed: WireTemplate = { id: 300, scope: 0, fields: [field("0/292", 7)] };
  const changed = list(256, plain(6, 80, ""));
  assert.equal(changed.length, 7);
  const unchanged = list(999, number(1, 4));
  const { records, counters } = valuesOf([PLAIN, fixed], 300, join(changed, unchanged));
  assert.deepEqual(records, [[unchanged.toHex()]]);
  assert.deepEqual([...counters.recordsDropped], [["fixed_length_list", 1]]);
});

Deno.test("records that grow are split between messages, what fits none is dropped, and all are numbered", () => {
  const setup = { plugins: [stripProtocol(200)], maxMessageLength: 512 };
  const small = variable(list(256, plain(6, 80, "a")));
  const large = variable(list(256, plain(6, 80, "a"), plain(6, 81, "b"), plain(6, 82, "c")));
  const messages = [[templateSet(PLAIN), templateSet(HOLDER)], [set(300, join(small, small, large, small))]];
  const { records, sent, counters } = run(messages, setup);
  assert.equal(records.length, 3);
  assert.deepEqual([...counters.recordsDropped], [["record_too_long", 1]]);
  assert.equal(counters.fieldsPadded.get("interfaceName"), 3);
  assert.deepEqual(sent.map(({ sequenceNumber, records }) => [sequenceNumber, records]), [[0, 0], [1, 2], [3, 1]]);
});

Deno.test("a record that waits for the next write is counted where its octets are by then", () => {
  const profile: Profile = { ...rfc7011, name: "one", dialect: { ...RFC7011, messagesPerWrite: 1 } };
  const session = mediatorOf(profile, { plugins: [stripProtocol(200)] }).open({
    reliable: true,
    maxMessageLength: 512,
  });
  const small = variable(list(256, plain(6, 80, "a")));
  rewriteAll(session, message({}, templateSet(PLAIN), templateSet(HOLDER)));
  const input = message({}, set(300, join(small, small, small)));
  const [one, other, output] = [512, 512, 65536].map((size) => leaseBuffer(size) ?? assert.fail("no memory"));
  assert.ok(one !== undefined && other !== undefined && output !== undefined);
  one.set(input);
  session.rewrite(one.subarray(0, input.length), output);
  assert.deepEqual([session.consumed, session.producedRecords], [0, 2]);
  one.fill(0);
  other.set(input);
  session.rewrite(other.subarray(0, input.length), output);
  assert.deepEqual([session.consumed, session.producedRecords], [input.length, 1]);
  assert.equal(session.counters.informationLost.get("protocolIdentifier"), 3);
  session.close();
  for (const buffer of [one, other, output]) releaseBuffer(buffer);
});

Deno.test("lists that would outgrow any record are dropped, without more work than the record allows", () => {
  const narrow: WireTemplate = { id: 256, scope: 0, fields: [PROTOCOL, NAME] };
  const record = variable(list(256, ...Array.from({ length: 15_000 }, () => Uint8Array.of(6, 0))));
  const { records, counters } = run([[templateSet(narrow), templateSet(HOLDER)], [set(300, record)]], {
    plugins: [stripProtocol(30_000)],
  });
  assert.deepEqual(records, []);
  assert.deepEqual([...counters.recordsDropped], [["record_too_long", 1]]);
});

Deno.test("records of a list that would be too long with their own lists as they came go out if those shrink", () => {
  const inner: WireTemplate = { id: 256, scope: 0, fields: [NAME, LIST] };
  const refused: WireTemplate = { id: 257, scope: 0, fields: [PROTOCOL] };
  const given = join(number(0, 1), variable(list(257, new Uint8Array(200))));
  const many = variable(list(256, ...Array.from({ length: 300 }, () => given)));
  const { records, counters } = run([[inner, refused, HOLDER].map((one) => templateSet(one)), [set(300, many)]], {
    plugins: [stripProtocol(100)],
  });
  // An empty list names the template of the record that it is in.
  const mapped = join(variable(new Uint8Array(100).fill(120)), number(0, 1), variable(list(256)));
  assert.deepEqual(records, [[list(256, ...Array.from({ length: 300 }, () => mapped)).toHex()]]);
  assert.equal(counters.fieldsPadded.get("interfaceName"), 300);
  assert.deepEqual([...counters.referenceFaults], [["refused_template", 300]]);
});

Deno.test("of many faults of a kind all are counted, and the first is reported", () => {
  const holder: WireTemplate = { id: 302, scope: 0, fields: [TEMPLATE_ID] };
  const ids = Array.from({ length: 5_000 }, (_, index) => number(1_000 + index, 2));
  const { counters, events } = valuesOf([PLAIN, holder, HOLDER], 300, variable(list(302, ...ids)));
  assert.deepEqual([...counters.referenceFaults], [["unknown_template", 5_000]]);
  const warnings = events.flatMap((event) => event.event === "warning" ? [event.message] : []);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /refers to template 1000, which was not announced/);
});

Deno.test("thousands of empty fields cost nothing per record of a list", () => {
  const wide: WireTemplate = {
    id: 256,
    scope: 0,
    fields: [field("0/5", 1), PROTOCOL, LIST, ...Array.from({ length: 12_000 }, () => field("0/82", 0))],
  };
  const record = join(Uint8Array.of(1, 6), variable(list(300)));
  const many = list(256, ...Array.from({ length: 10_000 }, () => record));
  const { records } = run([[templateSet(wide)], [templateSet(HOLDER)], [set(300, variable(many))]]);
  const expected = list(256, ...Array.from({ length: 10_000 }, () => join(number(1, 1), variable(list(300)))));
  assert.deepEqual(records, [[expected.toHex()]]);
});

Deno.test("any octets in a list go out or not, as whole records; nothing grows and nothing fails", () => {
  const templates = [PLAIN, HOLDER, MULTI_HOLDER, { id: 302, scope: 0, fields: [BASIC, TEMPLATE_ID, FLOW_KEYS] }];
  const octet = fc.oneof(fc.constantFrom(0, 1, 2, 3, 4, 5, 36, 37, 44, 45, 46, 145, 173, 255), fc.nat(255));
  const value = fc.array(octet, { maxLength: 80, size: "max" }).map((octets) => variable(Uint8Array.from(octets)));
  fc.assert(
    fc.property(fc.constantFrom(rfc7011, SHARED, EMPTY_HERE), value, value, value, (profile, one, two, three) => {
      const rest = join(three, number(256, 2), number(7, 8));
      const data = [set(300, one), set(301, two), set(302, rest)];
      const { records, counters } = run([templates.map((template) => templateSet(template)), data], { profile });
      // A basicList may contain fixed-length lists, whose length a rewritten list no longer matches.
      assert.equal(records.length + (counters.recordsDropped.get("fixed_length_list") ?? 0), 3);
      assert.deepEqual([...counters.recordsDropped.keys()].filter((reason) => reason !== "fixed_length_list"), []);
    }),
    { numRuns: 500, examples: [[SHARED, Uint8Array.of(0), Uint8Array.of(0), Uint8Array.of(6, 0, 1, 228, 0, 1, 0)]] },
  );
});

Deno.test("the elements of these tests have the types that the tests assume", () => {
  const types = [BASIC, LIST, MULTI_LIST].map(({ id }) => history.newest.lookup(0, id)?.type);
  assert.deepEqual(types, ["basicList", "subTemplateList", "subTemplateMultiList"]);
});
