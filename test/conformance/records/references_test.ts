/** Values that refer to templates: template ids, flow keys (RFC 7011 §4.4), and lists (RFC 6313). */
import assert from "node:assert/strict";
import { SHIPPED } from "../../../plugins/mod.ts";
import type { Plugin } from "../../../src/mediation/mapping/plugin.ts";
import type { Profile } from "../../../src/mediation/mapping/profile/profile.ts";
import { mediatorOf } from "../../support/session.ts";
import { rewriteAll } from "../../support/rewrite_all.ts";
import {
  field,
  join,
  message,
  number,
  readMessages,
  set,
  text,
  variable,
  type WireField,
} from "../../support/messages/wire.ts";
import {
  conforms,
  COUNT,
  counted,
  GO,
  LEGACY,
  open,
  PATIENCE,
  RFC,
  STRANGE,
  template,
  withDialect,
} from "../conformance.ts";
import { processorTime } from "../../support/time/processor_time.ts";

const [PROTOCOL, PORT, NAME] = [field("0/4", 1), field("0/7", 2), field("0/82", 65535)];
const [TEMPLATE_ID, FLOW_KEYS] = [field("0/145", 2), field("0/173", 8)];
const [BASIC, LIST, MULTI] = [field("0/291", 65535), field("0/292", 65535), field("0/293", 65535)];

/** The shipped strip-unknown, told to take protocolIdentifier away as well. */
function withoutProtocol(profile: Profile): readonly Plugin[] {
  const definition = SHIPPED.find(({ name }) => name === "strip-unknown");
  if (definition === undefined) throw new Error("strip-unknown is gone");
  return [definition.create(definition.options.parse({ also: ["protocolIdentifier"] }), profile)];
}

const options = { plugins: withoutProtocol(RFC) };
const SOURCE: readonly WireField[] = [PROTOCOL, PORT, NAME];
const TARGET: readonly WireField[] = [PORT, NAME];
const flow = (port: number, name: string) => join(number(6, 1), number(port, 2), variable(text(name)));
const kept = (port: number, name: string) => join(number(port, 2), variable(text(name)));
const list = (id: number, ...records: readonly Uint8Array[]) => join(number(3, 1), number(id, 2), ...records);
const block = (id: number, ...records: readonly Uint8Array[]) =>
  join(number(id, 2), number(4 + join(...records).length, 2), join(...records));

/** Fields: protocol, port, name; their bits: 1, 2, 4. */
for (const [keys, moved] of [[0b000, 0b00], [0b001, 0b00], [0b010, 0b01], [0b100, 0b10], [0b111, 0b11]] as const) {
  Deno.test(`flowKeyIndicator ${keys.toString(2)} of a template that loses its first field becomes ${moved.toString(2)}`, () =>
    conforms({
      to: RFC,
      options,
      input: [
        message({}, template(256, SOURCE), template(300, [TEMPLATE_ID, FLOW_KEYS], 1)),
        message({}, set(300, join(number(256, 2), number(keys, 8)))),
      ],
      output: [
        message({}, template(256, TARGET), template(300, [TEMPLATE_ID, FLOW_KEYS], 1)),
        message({}, set(300, join(number(256, 2), number(moved, 8)))),
      ],
      lost: {},
    }));
}

Deno.test("flowKeyIndicator follows fields that the collector's order moves, in reduced size as well", () => {
  const fields = GO.templates[0]?.fields ?? [];
  const place = (id: number) => fields.findIndex(({ element }) => element.pen === 0 && element.id === id);
  const keys = [field("0/12", 4), field("0/8", 4), field("0/4", 1), STRANGE];
  const moved = [12, 8, 4].reduce((bits, id) => bits | 1n << BigInt(place(id)), 0n);
  const { session } = open(mediatorOf(GO));
  const { output } = rewriteAll(
    session,
    join(
      message({}, template(256, keys), template(300, [TEMPLATE_ID, field("0/173", 2)])),
      message({}, set(300, join(number(256, 2), number(0b1111, 2)))),
    ),
  );
  // To go-ipfix the indicator goes out in its registry's eight octets.
  const last = readMessages(output).at(-1)?.sets[0];
  assert.deepEqual(last?.content.toHex(), join(number(256, 2), number(moved, 8)).toHex());
  session.close();
});

Deno.test("where nothing changes, templateId and flowKeyIndicator go on untouched", () => {
  const input = [
    message({}, template(256, SOURCE), template(300, [TEMPLATE_ID, FLOW_KEYS], 1)),
    message({}, set(300, join(number(256, 2), number(7, 8))), set(300, join(number(999, 2), number(1, 8)))),
  ];
  conforms({ to: RFC, input, output: input, templates: { identity: 2 } });
});

Deno.test("templateId names the id under which the collector has the template", () => {
  const profile = withDialect(RFC, { templateScope: "observation-domain" });
  const mediator = mediatorOf(profile);
  const [one, two] = [open(mediator).session, open(mediator).session];
  rewriteAll(one, message({}, template(256, COUNT)));
  const output = rewriteAll(
    two,
    join(
      message({}, template(256, TARGET), template(300, [TEMPLATE_ID, field("0/4", 1)], 1)),
      message({}, set(300, join(number(256, 2), Uint8Array.of(6), number(300, 2), Uint8Array.of(7)))),
      message({ sequenceNumber: 2 }, set(300, join(number(999, 2), Uint8Array.of(8)))),
    ),
  ).output;
  const sets = readMessages(output).flatMap(({ sets }) => sets).filter(({ id }) => id === 300);
  assert.deepEqual(sets.map(({ content }) => content.toHex()), [
    join(number(65_535, 2), Uint8Array.of(6), number(300, 2), Uint8Array.of(7)).toHex(),
    // A template that nobody announced: towards ids that are shared it names none.
    join(number(0, 2), Uint8Array.of(8)).toHex(),
  ]);
  assert.equal(two.counters.referenceFaults.get("unknown_template"), 1);
  one.close();
  two.close();
});

Deno.test("a reference to a template that does not go out becomes 0, and is counted", () =>
  conforms({
    to: GO,
    input: [
      message({}, template(256, [STRANGE]), template(300, [TEMPLATE_ID, FLOW_KEYS])),
      message({}, set(300, join(number(256, 2), number(1, 8)))),
    ],
    output: [
      message({}, template(300, [TEMPLATE_ID, FLOW_KEYS])),
      message({}, set(300, join(number(0, 2), number(0, 8)))),
    ],
    faults: { refused_template: 2 },
    lost: { templateId: 1, flowKeyIndicator: 1 },
    events: [
      "template_refused 1/256 everything_stripped",
      "template_mapped 1/300 → 300 identity",
      "warning 1/300: templateId refers to template 256, which does not go out, at octet 20 of its message",
    ],
  }));

const HOLDERS = [template(300, [LIST]), template(301, [MULTI]), template(302, [BASIC])];

Deno.test("records in lists follow the mapping of their template, in subTemplateList and subTemplateMultiList", () =>
  conforms({
    to: RFC,
    options,
    input: [
      message({}, template(256, SOURCE), template(257, COUNT), ...HOLDERS),
      message({}, set(300, variable(list(256, flow(80, "eth0"), flow(443, ""))))),
      message({ sequenceNumber: 1 }, set(300, join(variable(list(257, counted(1))), variable(list(256))))),
      message(
        { sequenceNumber: 3 },
        set(301, variable(join(number(4, 1), block(257, counted(2)), block(256, flow(80, "a")), block(256)))),
      ),
    ],
    output: [
      message({}, template(256, TARGET), template(257, [field("0/2", 8)]), ...HOLDERS),
      message({}, set(300, variable(list(256, kept(80, "eth0"), kept(443, ""))))),
      message({ sequenceNumber: 1 }, set(300, join(variable(list(257, number(1, 8))), variable(list(256))))),
      message(
        { sequenceNumber: 3 },
        set(301, variable(join(number(4, 1), block(257, number(2, 8)), block(256, kept(80, "a")), block(256)))),
      ),
    ],
    lost: { protocolIdentifier: 5 },
  }));

Deno.test("values in a basicList are copied, except those that refer to templates, which follow them", () => {
  const ports = join(number(3, 1), number(7, 2), number(2, 2), number(80, 2), number(443, 2));
  const names = join(number(3, 1), number(82, 2), number(65_535, 2), variable(text("a")), variable(text("b"), true));
  const lists = (...parts: Uint8Array[]) =>
    join(number(3, 1), number(292, 2), number(65_535, 2), ...parts.map((part) => variable(part)));
  conforms({
    to: RFC,
    options,
    input: [
      message({}, template(256, SOURCE), ...HOLDERS),
      message(
        {},
        set(302, join(variable(ports), variable(names), variable(lists(list(256, flow(1, "x")), list(256))))),
      ),
    ],
    output: [
      message({}, template(256, TARGET), ...HOLDERS),
      message(
        {},
        set(302, join(variable(ports), variable(names), variable(lists(list(256, kept(1, "x")), list(256))))),
      ),
    ],
    lost: { protocolIdentifier: 1 },
  });
});

Deno.test("templates in lists are those of their place in the message and of their observation domain", () => {
  const other = [NAME, PROTOCOL];
  conforms({
    to: RFC,
    options,
    input: [
      message({ observationDomain: 2 }, template(256, [PORT])),
      message(
        {},
        template(256, SOURCE),
        ...HOLDERS,
        set(300, variable(list(256, flow(1, "a")))),
        template(256, other),
        set(300, variable(list(256, join(variable(text("b")), number(6, 1))))),
      ),
    ],
    output: [
      message({ observationDomain: 2 }, template(256, [PORT])),
      message(
        {},
        template(256, TARGET),
        ...HOLDERS,
        set(300, variable(list(256, kept(1, "a")))),
        template(256, [NAME]),
        set(300, variable(list(256, variable(text("b"))))),
      ),
    ],
    lost: { protocolIdentifier: 2 },
    events: [
      "template_mapped 2/256 → 256 identity",
      ...[[256, "rewritten"], [300, "identity"], [301, "identity"], [302, "identity"]]
        .map(([id, outcome]) => `template_mapped 1/${id} → ${id} ${outcome}`),
      "template_mapped 1/256 → 256 rewritten replaced",
      "warning 1/256: a template with another layout replaces it",
    ],
  });
});

Deno.test("depth is bounded: lists nested eight deep are followed, deeper ones are left out and counted", () => {
  const nested = (depth: number, innermost: Uint8Array): Uint8Array =>
    depth === 1 ? innermost : list(300, variable(nested(depth - 1, innermost)));
  const input = (
    octets: Uint8Array,
  ) => [message({}, template(256, SOURCE), ...HOLDERS), message({}, set(300, variable(octets)))];
  const output = (
    octets: Uint8Array,
  ) => [message({}, template(256, TARGET), ...HOLDERS), message({}, set(300, variable(octets)))];
  conforms({
    to: RFC,
    options,
    input: input(nested(8, list(256, flow(1, "a")))),
    output: output(nested(8, list(256, kept(1, "a")))),
    lost: { protocolIdentifier: 1 },
  });
  conforms({
    to: RFC,
    options,
    input: input(nested(9, list(256, flow(1, "a")))),
    output: output(nested(9, list(300))),
    faults: { deep_list: 1 },
    lost: { subTemplateList: 1 },
    events: [
      ...[[256, "rewritten"], [300, "identity"], [301, "identity"], [302, "identity"]]
        .map(([id, outcome]) => `template_mapped 1/${id} → ${id} ${outcome}`),
      "warning 1/300: subTemplateList in 8 other lists, at octet 53 of its message",
    ],
  });
});

Deno.test("work is bounded: deep, wide and empty lists of 65,000 octets take bounded time", () => {
  const deep = (octets: number) => {
    let value = list(300);
    while (value.length + 6 < octets) value = list(300, variable(value, true));
    return value;
  };
  const wide = list(300, ...Array.from({ length: 16_000 }, () => variable(list(300))));
  const empty = join(number(3, 1), ...Array.from({ length: 16_000 }, () => block(256)));
  const flows = list(256, ...Array.from({ length: 16_000 }, () => flow(1, "")));
  const cases: readonly [id: number, value: Uint8Array][] = [[300, deep(65_000)], [300, wide], [301, empty], [
    300,
    flows,
  ]];
  for (const [id, value] of cases) {
    const { session } = open(mediatorOf(RFC, options));
    rewriteAll(session, message({}, template(256, SOURCE), ...HOLDERS));
    const begin = processorTime();
    const { output, error } = rewriteAll(session, message({}, set(id, variable(value))));
    assert.equal(error, undefined);
    assert.ok(processorTime() - begin < PATIENCE, `${processorTime() - begin} ms`);
    const sent = readMessages(output).length + (session.counters.recordsDropped.get("record_too_long") ?? 0);
    assert.equal(sent, 1, "it goes out, or is dropped and counted");
    session.close();
  }
});

Deno.test("a record whose list fits no message is dropped and counted; those around it get corrected sequence numbers", () => {
  const long = text("x".repeat(400));
  const tooLong = variable(list(256, join(number(6, 1), number(80, 2), variable(long)), flow(1, "")));
  const good = (port: number) => variable(list(256, flow(port, "a")));
  const out = (port: number) => variable(list(256, kept(port, "a")));
  conforms({
    to: RFC,
    options,
    facts: { maxMessageLength: 300 },
    input: [
      message({}, template(256, SOURCE), ...HOLDERS),
      message({}, set(300, join(good(1), tooLong, good(2)))),
      message({ sequenceNumber: 3 }, set(300, tooLong)),
      message({ sequenceNumber: 4 }, set(300, good(3))),
    ],
    output: [
      message({}, template(256, TARGET), ...HOLDERS),
      message({}, set(300, join(out(1), out(2)))),
      message({ sequenceNumber: 2 }),
      message({ sequenceNumber: 2 }, set(300, out(3))),
    ],
    dropped: { record_too_long: 2 },
    lost: { protocolIdentifier: 3 },
    events: [
      ...[[256, "rewritten"], [300, "identity"], [301, "identity"], [302, "identity"]]
        .map(([id, outcome]) => `template_mapped 1/${id} → ${id} ${outcome}`),
      "records_dropped 1/300 record_too_long",
    ],
  });
});

/** Not well-formed, and of no template that changes. */
const MALFORMED: readonly [what: string, id: number, value: Uint8Array][] = [
  ["no octet at all", 300, new Uint8Array()],
  ["half a template id", 300, Uint8Array.of(3, 1)],
  ["half a record", 300, list(258, Uint8Array.of(1))],
  ["a template that nobody announced", 300, list(999, Uint8Array.of(1, 2, 3))],
  ["a block length of 3", 301, join(number(3, 1), number(999, 2), number(3, 2))],
  ["a block that overruns", 301, join(number(3, 1), number(258, 2), number(99, 2), number(1, 2))],
  ["octets behind the last block", 301, join(number(3, 1), block(258, number(1, 2)), Uint8Array.of(1))],
  ["half an item", 302, join(number(3, 1), number(7, 2), number(2, 2), Uint8Array.of(1))],
  ["half an element", 302, Uint8Array.of(3, 0x80, 7, 0, 2, 0)],
];

for (const [what, id, value] of MALFORMED) {
  Deno.test(`structured data that is not well-formed (${what}) goes out as it came to a collector without limits`, () => {
    const templates = [template(256, SOURCE), template(258, [PORT]), ...HOLDERS];
    const mapped = [template(256, TARGET), template(258, [PORT]), ...HOLDERS];
    const { session } = open(mediatorOf(RFC, options));
    const { output, error } = rewriteAll(
      session,
      join(message({}, ...templates), message({}, set(id, variable(value)))),
    );
    assert.equal(error, undefined);
    assert.equal(output.toHex(), join(message({}, ...mapped), message({}, set(id, variable(value)))).toHex());
    assert.equal([...session.counters.referenceFaults.values()].reduce((sum, count) => sum + count, 0), 1);
    assert.equal(session.counters.recordsDropped.size, 0);
    session.close();
  });
}

for (const to of [GO, LEGACY]) {
  Deno.test(`structured data is dropped as a field where the decoder cannot take it, well-formed or not (${to.name})`, () =>
    conforms({
      to,
      input: [
        message({}, template(256, [PROTOCOL, LIST, MULTI, BASIC, field("0/2", 8)])),
        message(
          {},
          set(
            256,
            join(
              number(6, 1),
              variable(list(999, Uint8Array.of(1))),
              variable(Uint8Array.of(1, 2)),
              variable(new Uint8Array()),
              number(1, 8),
            ),
          ),
        ),
      ],
      output: [message({}, template(256, COUNT)), message({}, set(256, counted(1)))],
      stripped: { subTemplateList: 1, subTemplateMultiList: 1, basicList: 1 },
      lost: { subTemplateList: 1, subTemplateMultiList: 1 },
    }));
}
