import assert from "node:assert/strict";
import { antreaProfile } from "../../../test/support/messages/antrea.ts";
import { deliver } from "../../../test/support/delivered.ts";
import { rewriteAll } from "../../../test/support/rewrite_all.ts";
import { openSession } from "../../../test/support/session.ts";
import { field, join, message, number, set, templateSet, text, variable } from "../../../test/support/messages/wire.ts";
import { type AbstractDataType, naturalLength } from "../../ipfix/types/abstract_data_type.ts";
import type { FieldSpecifier, Template } from "../../ipfix/record/template.ts";
import { allocate, memoryLongs, memoryOctets, view } from "./loop/memory.ts";
import { rewriteRecords, SCRATCH_LENGTH } from "./loop/rewrite_loop.ts";
import { compileMapping, lostFields } from "./mapping_compiler.ts";
import { COUNT_BITS, countersLength, VALUE_LENGTH, valueOffset } from "./rewrite_program.ts";
import { type Conversion, identity, type MappedField } from "../mapping/template_mapping.ts";
import { constant, field as fieldOf, fromRecord, template } from "../../../test/support/mediation.ts";

Deno.test("records that need no change are whole where their message is split", () => {
  const fixed = { id: 256, scope: 0, fields: [field("0/7", 2), field("0/11", 2), field("0/4", 1)] };
  const named = { id: 257, scope: 0, fields: [field("0/4", 1), field("56506/101", 65535)] };
  const ports = join(number(80, 2), number(443, 2), number(6, 1));
  const pod = join(number(17, 1), variable(text("pod-1")));
  const { session } = openSession(antreaProfile("v1.15.2"));
  const stream = message({}, templateSet(fixed, named), set(256, join(ports, ports)), set(257, pod));
  const { items } = deliver(rewriteAll(session, stream).output);
  const port = [number(80, 2), number(443, 2), number(6, 1)].map((octets) => octets.toHex());
  assert.deepEqual(items.flatMap(({ values }) => values === undefined ? [] : [values]), [
    port,
    port,
    ["11", text("pod-1").toHex()],
  ]);
});

const FACTS = { exporterAddress: Uint8Array.of(192, 0, 2, 1), observationDomain: 0x01020304 };
const MEMORY = 2 ** 18;
const [program, input, output, counters] = [allocate(MEMORY), allocate(MEMORY), allocate(MEMORY), allocate(4096)];
const scratch = allocate(2 * SCRATCH_LENGTH);

/** One record through a mapping: what comes out, and what its counters say: the record, then each lost field. */
function rewrite(source: Template, fields: readonly MappedField[], record: Uint8Array) {
  const compiled = compileMapping({ source, fields }, FACTS, false);
  memoryOctets.set(compiled.octets, program);
  memoryOctets.set(record, input);
  const counts = compiled.counted.length + 1;
  memoryLongs.fill(0n, counters >>> 3, (counters >>> 3) + counts);
  const result = rewriteRecords(program, counters, input, input + record.length, output, output + MEMORY, scratch);
  assert.deepEqual([result.records, result.consumed], [1, record.length]);
  const growth = new DataView(compiled.octets.buffer).getUint32(12, true);
  assert.ok(
    result.produced <= record.length + growth,
    "the loop relies on no record growing more than the program says",
  );
  return {
    octets: view(output, result.produced).slice(),
    counts: [...memoryLongs.subarray(counters >>> 3, (counters >>> 3) + counts)].map((counter) =>
      Number(BigInt.asUintN(COUNT_BITS, counter))
    ),
  };
}

const converted = (name: string, index: number, convert: Conversion): MappedField => ({
  target: fieldOf(name),
  value: { from: "record", index, convert },
});
const float64 = (value: number) => {
  const octets = new Uint8Array(8);
  new DataView(octets.buffer).setFloat64(0, value);
  return octets;
};
const long = text("x".repeat(300));

const CONVERSIONS: readonly [what: string, name: string, convert: Conversion, from: Uint8Array, to: Uint8Array][] = [
  ["an unsigned number widens with zeros", "octetDeltaCount", "widen", Uint8Array.of(0x80, 1), number(0x8001, 8)],
  ["a positive signed number widens with zeros", "mibObjectValueInteger", "widen", Uint8Array.of(0x7f), number(127, 4)],
  ["a negative one with its sign", "mibObjectValueInteger", "widen", Uint8Array.of(0x80, 0), number(-32768, 4)],
  ["float32 becomes float64", "samplingProbability", "widen", Uint8Array.of(0xbe, 0x80, 0, 0), float64(-0.25)],
  ["a short string gets one length octet", "interfaceName", "to-variable", text("eth0"), variable(text("eth0"))],
  [
    "one of 255 octets gets three",
    "interfaceName",
    "to-variable",
    long.subarray(0, 255),
    variable(long.subarray(0, 255)),
  ],
  ["one of none gets one", "interfaceName", "to-variable", new Uint8Array(), Uint8Array.of(0)],
];

for (const [what, name, convert, from, to] of CONVERSIONS) {
  const other = Uint8Array.of(6);
  const source = template(256, [fieldOf(name, from.length), "protocolIdentifier"]);
  const fields = [converted(name, 0, convert), fromRecord("protocolIdentifier", 1)];
  Deno.test(`${what}, in its place and in another`, () => {
    assert.deepEqual(rewrite(source, fields, join(from, other)).octets, join(to, other));
    assert.deepEqual(rewrite(source, fields.toReversed(), join(from, other)).octets, join(other, to));
  });
}

/** Octets in, octets out where the value fits (else the pad value 0x55…), and how the two types have it. */
const NARROWED: readonly [
  what: string,
  source: AbstractDataType,
  target: AbstractDataType,
  string,
  string | undefined,
][] = [
  ["an unsigned number that fits", "unsigned32", "unsigned8", "000000ff", "ff"],
  ["one that does not", "unsigned32", "unsigned8", "00000100", undefined],
  ["one whose first octet says so", "unsigned32", "unsigned8", "80000001", undefined],
  ["a signed number that fits", "signed32", "signed16", "ffff8000", "8000"],
  ["a positive one that fits", "signed32", "signed16", "00007fff", "7fff"],
  ["a positive one that would become negative", "signed32", "signed16", "00008000", undefined],
  ["a negative one that would become positive", "signed32", "signed16", "ffff7fff", undefined],
  ["a signed number that is not negative, without a sign", "signed32", "unsigned16", "0000ffff", "ffff"],
  ["a negative one, without a sign", "signed32", "unsigned16", "ffffffff", undefined],
  ["an unsigned number with a sign that fits", "unsigned64", "signed32", "000000007fffffff", "7fffffff"],
  ["one that would become negative", "unsigned64", "signed32", "0000000080000000", undefined],
  [
    "one of more octets than any integer has",
    "unsigned64",
    "unsigned64",
    "000000000000000000000000000000000007",
    "0000000000000007",
  ],
];

for (const [what, source, target, from, to] of NARROWED) {
  const typed = (type: AbstractDataType, length: number): FieldSpecifier => ({
    element: { ...fieldOf("octetDeltaCount").element, type, length: naturalLength(type) },
    length,
  });
  const length = naturalLength(target);
  const sourceTemplate = template(256, [typed(source, from.length / 2), "protocolIdentifier"]);
  const otherwise = new Uint8Array(length).fill(0x55);
  const fields: readonly MappedField[] = [
    { target: typed(target, length), value: { from: "record", index: 0, convert: "narrow", otherwise } },
    fromRecord("protocolIdentifier", 1),
  ];
  Deno.test(`${what} narrows from ${source} to ${target}, record by record`, () => {
    const expected = to ?? otherwise.toHex();
    const record = Uint8Array.fromHex(`${from}06`);
    const lost = to === undefined ? 1 : 0;
    assert.deepEqual(rewrite(sourceTemplate, fields, record), {
      octets: Uint8Array.fromHex(`${expected}06`),
      counts: [1, lost],
    });
    assert.deepEqual(rewrite(sourceTemplate, fields.toReversed(), record), {
      octets: Uint8Array.fromHex(`06${expected}`),
      counts: [1, lost],
    });
  });
}

Deno.test("a narrowed field and a stripped one of the same element count a record once, and keep the last lost value", () => {
  const wide = fieldOf("octetDeltaCount", 9);
  const source = template(256, [wide, "octetDeltaCount", "protocolIdentifier"]);
  const fields: readonly MappedField[] = [
    {
      target: fieldOf("octetDeltaCount"),
      value: { from: "record", index: 0, convert: "narrow", otherwise: new Uint8Array(8) },
    },
    fromRecord("protocolIdentifier", 2),
  ];
  const both = join(Uint8Array.of(1), number(0, 8), number(5, 8), number(6, 1));
  assert.deepEqual(rewrite(source, fields, both).counts, [1, 1]);
  const compiled = compileMapping({ source, fields }, FACTS, false, true);
  assert.deepEqual(compiled.counted, [{ name: "octetDeltaCount", positions: [0, 1], stripped: 1 }]);
  memoryOctets.set(compiled.octets, program);
  memoryOctets.set(join(Uint8Array.of(7), number(9, 8), number(0, 8), number(6, 1)), input);
  memoryLongs.fill(0n, counters >>> 3, (counters + countersLength(compiled)) >>> 3);
  rewriteRecords(program, counters, input, input + 18, output, output + MEMORY, scratch);
  assert.deepEqual(
    view(counters + valueOffset(compiled, 0), 9).slice(),
    join(Uint8Array.of(7), number(9, 8)),
  );
});

Deno.test("seconds become milliseconds, beyond 32 bits; an IPv4 address its IPv4-mapped one", () => {
  const source = template(256, ["flowStartSeconds", "sourceIPv4Address"]);
  const fields = [
    converted("flowStartMilliseconds", 0, "seconds-to-milliseconds"),
    converted("sourceIPv6Address", 1, "ipv4-to-ipv6"),
  ];
  const record = join(number(0xffffffff, 4), Uint8Array.of(192, 0, 2, 1));
  const [time, address] = [
    number(0xffffffff * 1000, 8),
    join(new Uint8Array(10), Uint8Array.of(255, 255, 192, 0, 2, 1)),
  ];
  assert.deepEqual(rewrite(source, fields, record).octets, join(time, address));
  assert.deepEqual(rewrite(source, fields.toReversed(), record).octets, join(address, time));
});

Deno.test("constants and facts stand where they are put, variable ones behind their length", () => {
  const fact: MappedField = {
    target: fieldOf("sourceIPv4Address"),
    value: { from: "session", fact: "exporterIPv4Address" },
  };
  const domain: MappedField = {
    target: fieldOf("sourceIPv4Address"),
    value: { from: "session", fact: "observationDomainId" },
  };
  const source = template(256, ["protocolIdentifier"]);
  const fields = [
    constant("interfaceName", ...long),
    fromRecord("protocolIdentifier", 0),
    fact,
    domain,
    constant("sourceTransportPort", 0, 80),
  ];
  const expected = join(variable(long), Uint8Array.of(6), FACTS.exporterAddress, Uint8Array.of(1, 2, 3, 4, 0, 80));
  assert.deepEqual(rewrite(source, fields, Uint8Array.of(6)).octets, expected);
});

Deno.test("a variable constant has one length octet up to 254, three from 255 on", () => {
  const source = template(256, ["protocolIdentifier"]);
  for (const length of [0, 1, 254, 255, 256, 60_000]) {
    const octets = new Uint8Array(length).fill(97);
    const made: MappedField = { target: fieldOf("interfaceName"), value: { from: "constant", octets } };
    assert.deepEqual(rewrite(source, [made], Uint8Array.of(6)).octets, variable(octets), `${length} octets`);
  }
});

Deno.test("fields in any order, and one of them twice", () => {
  const source = template(256, ["interfaceName", "sourceTransportPort", "interfaceName", "protocolIdentifier"]);
  const values = [variable(text("one")), number(80, 2), variable(text("two"), true), Uint8Array.of(6)];
  for (const order of [[3, 2, 1, 0], [0, 1, 3, 2], [2, 3, 0, 1], [1], [2, 0], [0, 0, 2, 2], [3, 3]]) {
    const fields = order.map((index) => ({ ...identity(source).fields[index] ?? assert.fail() }));
    const expected = join(...order.map((index) => values[index] ?? assert.fail()));
    assert.deepEqual(rewrite(source, fields, join(...values)).octets, expected, order.join());
  }
});

Deno.test("the ledger counts a lost field where it carries something else than its default", () => {
  const source = template(256, [
    "interfaceName",
    "dataRecordsReliability",
    "octetDeltaCount",
    "userName",
    "protocolIdentifier",
  ]);
  const kept = [fromRecord("protocolIdentifier", 4)];
  const carry = (name: string, truth: number, octets: number, last: Uint8Array) =>
    rewrite(source, kept, join(variable(text(name)), Uint8Array.of(truth), number(octets, 8), last, Uint8Array.of(6)))
      .counts;
  assert.deepEqual(lostFields({ source, fields: kept }), [0, 1, 2, 3]);
  assert.deepEqual(carry("", 2, 0, Uint8Array.of(0)), [1, 0, 0, 0, 0], "nothing is lost");
  assert.deepEqual(carry("", 2, 0, Uint8Array.of(255, 0, 0)), [1, 0, 0, 0, 0], "nor in the long form");
  assert.deepEqual(carry("a", 1, 1, Uint8Array.of(255, 0, 1, 97)), [1, 1, 1, 1, 1]);
  assert.deepEqual(carry("", 2, 2 ** 40, Uint8Array.of(1, 0)), [1, 0, 0, 1, 1], "any octet, any content");

  const reordered = [fromRecord("protocolIdentifier", 4), fromRecord("octetDeltaCount", 2)];
  const record = join(Uint8Array.of(1, 97, 1), number(1, 8), Uint8Array.of(0, 6));
  assert.deepEqual(rewrite(source, reordered, record).counts, [1, 1, 1, 0], "also where fields move");
});

for (const order of ["in order", "reordered"]) {
  Deno.test(`a record of which several fields of one element are lost counts once for the element: ${order}`, () => {
    const source = template(256, [
      "sourceTransportPort",
      "interfaceName",
      "sourceTransportPort",
      "protocolIdentifier",
      "interfaceName",
      "sourceTransportPort",
      "octetDeltaCount",
    ]);
    const kept = fromRecord("protocolIdentifier", 3);
    const carry = (ports: readonly number[], names: readonly string[]) =>
      rewrite(
        source,
        order === "in order" ? [kept] : [kept, kept],
        join(
          number(ports[0] ?? 0, 2),
          variable(text(names[0] ?? "")),
          number(ports[1] ?? 0, 2),
          Uint8Array.of(6),
          variable(text(names[1] ?? "")),
          number(ports[2] ?? 0, 2),
          number(1, 8),
        ),
      ).counts;
    assert.deepEqual(carry([1, 2, 3], ["a", "b"]), [1, 1, 1, 1], "records, sourceTransportPort, interfaceName, octets");
    assert.deepEqual(carry([0, 0, 3], ["", "b"]), [1, 1, 1, 1], "whichever of them carries something");
    assert.deepEqual(carry([0, 0, 0], ["", ""]), [1, 0, 0, 1], "none of them");
    assert.deepEqual(carry([7, 0, 7], []), [1, 1, 0, 1]);
  });
}

Deno.test("fields without octets that are lost cost a record nothing, however many there are of an element", () => {
  const none = Array.from({ length: 500 }, (_, index) => fieldOf(`99999/${1 + index % 100}`, 0));
  const kept = ["octetDeltaCount", "protocolIdentifier"];
  for (const order of [[0, 1], [1, 0]]) {
    const program = (lost: readonly FieldSpecifier[]) => {
      const source = template(256, [...lost, ...kept, ...lost, fieldOf("99999/1", 1), fieldOf("99999/1", 1)]);
      const fields = order.map((place) => fromRecord(kept[place] ?? "", lost.length + place));
      return compileMapping({ source, fields }, FACTS, false);
    };
    assert.equal(program(none).octets.length, program([]).octets.length);
    assert.equal(program(none).counted.length, 100);
  }
});

Deno.test("what cannot be compiled is refused: records of no octets, and those that outgrow any message by far", () => {
  const compile = (source: Template, fields: readonly MappedField[]) => compileMapping({ source, fields }, FACTS, true);
  assert.throws(() => compile(template(256, [fieldOf("interfaceName", 0)]), []), /no octets/);
  const source = template(256, ["interfaceName"]);
  const copies = (count: number) => Array(count).fill(fromRecord("interfaceName", 0));
  compile(source, copies(3));
  assert.throws(() => compile(source, copies(4)), /grow by 196605 octets/);
});

Deno.test("only a mapping that changes nothing is an identity, and only such a one keeps padding", () => {
  const source = template(256, ["protocolIdentifier", "sourceTransportPort"]);
  const compile = (fields: readonly MappedField[]) => compileMapping({ source, fields }, FACTS, true);
  const { fields } = identity(source);
  assert.deepEqual([compile(fields).identity, compile(fields).counted], [true, []]);
  assert.deepEqual([compile(fields.toReversed()).identity, compile(fields.slice(1)).counted], [false, [
    { name: "protocolIdentifier", positions: [0], stripped: 1 },
  ]]);
});

/** Lost fields of each kind of cut, with one that is kept between them. */
const losing = template(256, [
  "interfaceName",
  "octetDeltaCount",
  "protocolIdentifier",
  "dataRecordsReliability",
  fieldOf("userName", 100),
]);
const losses = (name: string, count: number, protocol: number, reliability: number, fixed: string) =>
  join(
    variable(text(name)),
    number(count, 8),
    number(protocol, 1),
    number(reliability, 1),
    join(text(fixed), new Uint8Array(100 - fixed.length)),
  );

/** What is kept of each lost field, at the offset that the program says. */
function keptValues(fields: readonly MappedField[], records: Uint8Array, keepValues = true) {
  const compiled = compileMapping({ source: losing, fields }, FACTS, false, keepValues);
  memoryOctets.set(compiled.octets, program);
  memoryOctets.set(records, input);
  view(counters, 4096).fill(0xa5);
  memoryLongs.fill(0n, counters >>> 3, (counters + countersLength(compiled)) >>> 3);
  const result = rewriteRecords(program, counters, input, input + records.length, output, output + MEMORY, scratch);
  assert.equal(result.consumed, records.length);
  const end = counters + countersLength(compiled);
  assert.ok(view(end, 256).every((octet) => octet === 0xa5), "octets written behind the values");
  return {
    octets: view(output, result.produced).slice(),
    values: compiled.counted.map((_, index) => view(counters + valueOffset(compiled, index), VALUE_LENGTH).slice()),
  };
}

const padded = (octets: Uint8Array) => join(octets, new Uint8Array(VALUE_LENGTH)).subarray(0, VALUE_LENGTH);

for (
  const [what, fields] of [
    ["in order", [fromRecord("protocolIdentifier", 2)]],
    ["reordered", [fromRecord("protocolIdentifier", 2), fromRecord("protocolIdentifier", 2)]],
  ] as const
) {
  Deno.test(`the last value that is lost is kept, the beginning of a long one, none that is the default: ${what}`, () => {
    const records = join(
      losses("first", 1, 6, 1, "one"),
      losses("x".repeat(300), 2, 6, 1, "y".repeat(80)),
      losses("", 0, 17, 2, ""),
    );
    const { values, octets } = keptValues(fields, records);
    const [name, count, reliability, fixed] = values;
    assert.deepEqual(name, text("x".repeat(64)));
    assert.deepEqual(count, padded(number(2, 8)));
    assert.deepEqual(reliability, new Uint8Array(64), "what a counted boolean was is known");
    assert.deepEqual(fixed, text("y".repeat(64)));
    assert.deepEqual(keptValues(fields, losses("z", 0, 6, 1, "")).values[0], padded(text("z")));
    assert.deepEqual(octets, keptValues(fields, records, false).octets, "what goes out is the same");
  });
}

Deno.test("if values are not kept, a program and its counters are unchanged", () => {
  const fields = [fromRecord("protocolIdentifier", 2)];
  const without = compileMapping({ source: losing, fields }, FACTS, false);
  assert.deepEqual(without.octets, compileMapping({ source: losing, fields }, FACTS, false, false).octets);
  assert.equal(countersLength(without), 5 * 8);
  const kept = compileMapping({ source: losing, fields }, FACTS, false, true);
  assert.equal(countersLength(kept), 5 * 8 + 4 * 64);
  const { octets, keepsValues } = compileMapping(identity(losing), FACTS, false, true);
  assert.equal(keepsValues, false, "nothing is lost");
  assert.deepEqual(octets, compileMapping(identity(losing), FACTS, false).octets);
});
