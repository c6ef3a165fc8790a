import assert from "node:assert/strict";
import { concatenate } from "../../../ipfix/octets/concatenate.ts";
import { MessageBuilder } from "../../../../test/support/messages/message_builder.ts";
import type { Template } from "../../../ipfix/record/template.ts";
import { compileMapping } from "../mapping_compiler.ts";
import { ProgramWord } from "../rewrite_program.ts";
import { identity, type MappedField } from "../../mapping/template_mapping.ts";
import { constant, fromRecord, template } from "../../../../test/support/mediation.ts";
import { allocate, memoryOctets, memoryWords, view } from "./memory.ts";
import { recordLength, rewriteMessages, rewriteRecords, SCRATCH_LENGTH, Stop, walkRecords } from "./rewrite_loop.ts";
import { Routes } from "./routes.ts";
import { Sequence } from "./sequence.ts";
import { takeWalkFunction } from "./walk_function.ts";

const CANARY = 0xa5;
const ROOM = 2 ** 18;
const input = allocate(ROOM);
const output = allocate(ROOM);
const scratch = allocate(2 * SCRATCH_LENGTH);
const counters = allocate(4096);

function programOf(
  source: Template,
  fields: readonly MappedField[] = identity(source).fields,
  keepPadding = false,
  quick = false,
): number {
  const facts = { exporterAddress: undefined, observationDomain: 0 };
  const { octets, layout } = compileMapping({ source, fields }, facts, keepPadding);
  const program = allocate(octets.length);
  memoryOctets.set(octets, program);
  if (quick) memoryWords[(program >>> 2) + ProgramWord.walkFunction] = takeWalkFunction(layout);
  return program;
}

/** Puts octets at the input, everything behind them a length that promises more. */
function place(...parts: readonly Uint8Array[]): number {
  const octets = concatenate(parts);
  view(input, ROOM).fill(200);
  memoryOctets.set(octets, input);
  view(output, ROOM).fill(CANARY);
  return input + octets.length;
}

/** Nothing was written but what was given. */
function untouchedFrom(address: number): void {
  const end = output + ROOM;
  assert.ok(view(address, end - address).every((octet) => octet === CANARY), "octets written past the output's end");
}

const text = (length: number, long = false) =>
  concatenate([long || length > 254 ? [255, length >> 8, length & 255] : [length], new Uint8Array(length).fill(97)]
    .map((part) => Uint8Array.from(part)));

const named = template(256, ["interfaceName", "sourceTransportPort", "userName"]);
const cut = [fromRecord("interfaceName", 0), fromRecord("userName", 2)];
const swapped = [fromRecord("userName", 2), fromRecord("sourceTransportPort", 1), fromRecord("interfaceName", 0)];
const record = concatenate([text(3), Uint8Array.of(0, 80), text(300)]);

for (const [what, program] of [["kept", programOf(named)], ["cut", programOf(named, cut)]] as const) {
  Deno.test(`records that are ${what}: one cut off at any octet overruns, whatever lies behind it`, () => {
    for (let length = 4; length < record.length; length++) {
      const end = place(record.subarray(0, length));
      const result = walkRecords(program, input, end);
      assert.equal(result.whole, false, `cut off after ${length} octets`);
      assert.deepEqual([result.records, result.consumed], [0, 0]);
      assert.equal(recordLength(program, input, end), 0);
    }
    const end = place(record, record, Uint8Array.of(1, 97, 0));
    const result = walkRecords(program, input, end);
    assert.equal(result.whole, true, "a rest below the smallest record is padding");
    assert.deepEqual([result.records, result.consumed], [2, 2 * record.length]);
  });
}

Deno.test("both forms of a length are read for any length, at the very end as well", () => {
  const program = programOf(template(256, ["interfaceName"]));
  for (const value of [text(0), text(254), text(0, true), text(254, true), text(255), text(65500)]) {
    const result = walkRecords(program, input, place(value));
    assert.equal(result.whole, true);
    assert.deepEqual([result.records, result.consumed], [1, value.length]);
  }
  for (const broken of [[255], [255, 0], [255, 0, 1], [1], [254]]) {
    assert.equal(walkRecords(program, input, place(Uint8Array.from(broken))).whole, false, broken.join());
  }
});

for (
  const [what, fields, expected] of [
    ["cut", cut, [text(3), text(300)]],
    ["in another order", swapped, [text(300), Uint8Array.of(0, 80), text(3)]],
    ["padded", [...identity(named).fields, constant("protocolIdentifier", 6)], [record, Uint8Array.of(6)]],
  ] as const
) {
  Deno.test(`records ${what}: as many go out as fit, to the octet, and none is written past the end`, () => {
    const program = programOf(named, fields);
    const target = concatenate(expected);
    const end = place(record, record, record);
    for (let room = 0; room <= 3 * target.length + 20; room++) {
      view(output, 2048).fill(CANARY);
      const result = rewriteRecords(program, 0, input, end, output, output + room, scratch);
      const records = Math.min(3, Math.floor(room / target.length));
      assert.equal(result.records, records, `${room} octets of room`);
      assert.equal(result.consumed, records * record.length);
      assert.equal(result.produced, records * target.length);
      assert.deepEqual(view(output, result.produced), concatenate(Array(records).fill(target)));
      assert.ok(view(output + room, 64).every((octet) => octet === CANARY), `${room} octets of room`);
    }
  });
}

/** A session with one template, its program and its own counters. */
function routesOf(program: number, maxMessageLength = 65535): Routes {
  const routes = new Routes(maxMessageLength);
  routes.maxMessages = Infinity;
  view(counters, 4096).fill(0);
  const sequence = new Sequence().address;
  routes.set({ observationDomain: 1, template: 256, program, counters, targetTemplate: 256, sequence });
  return routes;
}

const dataMessage = (content: Uint8Array, length?: number) =>
  new MessageBuilder().set(256, content, length === undefined ? {} : { length }).build();

Deno.test("growth that exceeds 32 bits over all records of a message is not mistaken for a little", () => {
  // As it reckons: 35,000 records that may each grow by 65,535 and 57,179 octets are 2^32 and 22,704 octets more.
  const source = template(256, ["interfaceName"]);
  const once = fromRecord("interfaceName", 0);
  const program = programOf(source, [once, once, constant("interfaceName", ...new Uint8Array(57176))]);
  const routes = routesOf(program);
  const end = place(dataMessage(text(34997)));
  const result = rewriteMessages(routes.address, input, end, output, output + ROOM);
  assert.equal(result.stop, Stop.general);
  assert.deepEqual([result.consumed, result.produced], [0, 0]);
  untouchedFrom(output);
});

/**
 * One of each way in which a record can be walked and rewritten, with fields of variable length first, between and
 * last.
 */
const reliable = template(256, ["interfaceName", "dataRecordsReliability", "octetDeltaCount", "interfaceName"]);
const full = concatenate([text(3), Uint8Array.of(1), Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 9), text(300)]);
const WAYS: readonly (readonly [what: string, fields: readonly MappedField[]])[] = [
  ["kept", identity(reliable).fields],
  ["padded in front", [constant("protocolIdentifier", 6), ...identity(reliable).fields]],
  ["padded behind", [...identity(reliable).fields, constant("protocolIdentifier", 6)]],
  ["without the boolean", [0, 2, 3].map((index) => identity(reliable).fields[index] ?? constant("interfaceName"))],
  ["without the number", [0, 1, 3].map((index) => identity(reliable).fields[index] ?? constant("interfaceName"))],
  ["without the last", identity(reliable).fields.slice(0, 3)],
  ["without the first", identity(reliable).fields.slice(1)],
  ["without the first two", identity(reliable).fields.slice(2)],
  ["without any", [constant("protocolIdentifier", 6)]],
  ["reversed", identity(reliable).fields.toReversed()],
];

const walked = WAYS.flatMap((
  [what, fields],
) => [[what, fields, false] as const, [`${what}, four at a time`, fields, true] as const]);

for (const [what, fields, quick] of walked) {
  const routes = routesOf(programOf(reliable, fields, false, quick));
  const good = dataMessage(full);

  Deno.test(`records ${what}: a message whose last record is cut off at any octet is left alone`, () => {
    for (let length = 11; length < full.length; length++) {
      for (const before of [[], [full]]) {
        const end = place(good, dataMessage(concatenate([...before, full.subarray(0, length)])));
        const result = rewriteMessages(routes.address, input, end, output, output + ROOM);
        assert.equal(result.stop, Stop.general, `${length}`);
        assert.deepEqual([result.messages, result.records, result.consumed], [1, 1, good.length], `${length}`);
      }
    }
  });

  Deno.test(`records ${what}: a length that says 65,535 moves nothing from behind its message, to nowhere`, () => {
    for (const at of [0, 13]) {
      const liar = concatenate([full.subarray(0, at), Uint8Array.of(255, 255, 255), full.subarray(at + 3)]);
      const end = place(good, dataMessage(liar), dataMessage(full));
      const outputEnd = output + 3 * good.length + 200;
      const result = rewriteMessages(routes.address, input, end, output, outputEnd);
      assert.equal(result.stop, Stop.general);
      assert.deepEqual([result.messages, result.consumed], [1, good.length]);
      untouchedFrom(outputEnd);
    }
  });

  Deno.test(`records ${what}: messages go out while they surely fit, and no octet behind the output's end is touched`, () => {
    const end = place(good, good, good);
    const result = rewriteMessages(routes.address, input, end, output, output + ROOM);
    const length = result.produced / 3;
    const wanted = view(output, result.produced).slice();
    for (let room = 0; room < 4 * good.length; room++) {
      view(output, 2048).fill(CANARY);
      const result = rewriteMessages(routes.address, input, end, output, output + room);
      assert.equal(result.produced, result.messages * length);
      assert.ok(result.produced <= room);
      assert.deepEqual(view(output, result.produced), wanted.subarray(0, result.produced));
      assert.ok(view(output + room, 64).every((octet) => octet === CANARY), `${room} octets of room`);
      if (result.messages < 3) assert.equal(result.stop, result.messages === 0 ? Stop.general : Stop.outputFull);
    }
  });
}

Deno.test("a message that is cut off at any octet leaves the values that were kept as they were", () => {
  const facts = { exporterAddress: undefined, observationDomain: 0 };
  const { octets } = compileMapping({ source: named, fields: cut.slice(0, 1) }, facts, false, true);
  const program = allocate(octets.length);
  memoryOctets.set(octets, program);
  const routes = routesOf(program);
  const other = concatenate([text(3), Uint8Array.of(1, 187), text(200)]);
  assert.equal(rewriteMessages(routes.address, input, place(dataMessage(record)), output, output + ROOM).stop, 0);
  const before = view(counters, 512).slice();
  for (let length = 4; length < other.length; length++) {
    const end = place(dataMessage(concatenate([other, other.subarray(0, length)])));
    assert.equal(rewriteMessages(routes.address, input, end, output, output + ROOM).stop, Stop.general);
    assert.deepEqual(view(counters, 512), before, `${length} octets`);
  }
  assert.equal(rewriteMessages(routes.address, input, place(dataMessage(other)), output, output + ROOM).stop, 0);
  assert.notDeepEqual(view(counters, 512), before);
});

Deno.test("the loop stops before any message that is not one data set of a known template", () => {
  const routes = routesOf(programOf(named, cut));
  const good = dataMessage(record);
  const builder = new MessageBuilder();
  const others: readonly [what: string, octets: Uint8Array][] = [
    ["another version", builder.header({ version: 9 }).set(256, record).build()],
    ["a length below the header's", builder.header({ length: 15 }).set(256, record).build()],
    ["a length of 0", builder.header({ length: 0 }).set(256, record).build()],
    ["no set", builder.build()],
    ["octets that are no set", concatenate([builder.header({ length: 19 }).build(), Uint8Array.of(1, 0, 0)])],
    ["a template set", builder.templateSet([named]).build()],
    ["two sets", builder.set(256, record).set(256, record).build()],
    ["a set longer than its message", dataMessage(record, 5000)],
    ["a set shorter than its message", dataMessage(record, 5)],
    ["a reserved set", builder.set(4, record).build()],
    ["an unknown template", builder.set(257, record).build()],
    ["another domain", new MessageBuilder({ observationDomainId: 2 }).set(256, record).build()],
    ["an empty data set", dataMessage(new Uint8Array())],
    ["nothing but padding", dataMessage(new Uint8Array(3))],
    ["a record that overruns", dataMessage(record.subarray(0, 200))],
    ["a second record that overruns", dataMessage(concatenate([record, record.subarray(0, 200)]))],
  ];
  for (const [what, octets] of others) {
    const end = place(good, octets, good);
    const result = rewriteMessages(routes.address, input, end, output, output + ROOM);
    assert.equal(result.stop, Stop.general, what);
    assert.deepEqual([result.messages, result.records, result.consumed], [1, 1, good.length], what);
    assert.equal(result.produced, good.length - 2, what);
  }
});

Deno.test("counters of fields of variable length keep the length of the last value, those of others nothing but the count", () => {
  const routes = routesOf(programOf(named, [fromRecord("sourceTransportPort", 1)]));
  const shorter = concatenate([text(0), Uint8Array.of(0, 80), text(299)]);
  rewriteMessages(
    routes.address,
    input,
    place(dataMessage(record), dataMessage(record), dataMessage(shorter)),
    output,
    output + ROOM,
  );
  const counter = (index: number) => {
    const value = new DataView(view(counters + 8 * index, 8).slice().buffer).getBigUint64(0, true);
    return [value & 0xffff_ffff_ffffn, value >> 48n];
  };
  assert.deepEqual([counter(1), counter(2)], [[2n, 3n], [3n, 299n]]);
});

Deno.test("what a broken message's records would have counted is not counted", () => {
  const routes = routesOf(programOf(named, cut));
  const end = place(dataMessage(concatenate([record, record.subarray(0, 200)])));
  assert.equal(rewriteMessages(routes.address, input, end, output, output + ROOM).stop, Stop.general);
  assert.ok(view(counters, 64).every((octet) => octet === 0));
});

Deno.test("input that ends inside a message waits for the rest, at every octet", () => {
  const routes = routesOf(programOf(named, cut));
  const good = dataMessage(record);
  for (let length = 0; length < good.length; length++) {
    const end = place(good, good.subarray(0, length));
    const result = rewriteMessages(routes.address, input, end, output, output + ROOM);
    assert.equal(result.stop, Stop.needsInput, `${length}`);
    assert.deepEqual([result.messages, result.consumed], [1, good.length]);
  }
});

Deno.test("one call writes no more messages than allowed, and none beyond the largest length", () => {
  const good = dataMessage(record);
  const routes = routesOf(programOf(named, cut));
  const end = place(good, good, good);
  routes.maxMessages = 2;
  const result = rewriteMessages(routes.address, input, end, output, output + ROOM);
  assert.equal(result.stop, Stop.outputFull);
  assert.equal(result.messages, 2);

  const small = routesOf(programOf(named), good.length - 1);
  const { stop, produced } = rewriteMessages(small.address, input, end, output, output + ROOM);
  assert.equal(stop, Stop.general);
  assert.equal(produced, 0);
});

Deno.test("padding stays where the program keeps it, and goes where it does not or the records change", () => {
  const padded = dataMessage(concatenate([record, new Uint8Array(3)]));
  for (
    const [program, produced] of [
      [programOf(named, undefined, true), padded.length],
      [programOf(named), padded.length - 3],
      [programOf(named, cut, true), padded.length - 3 - 2],
    ] as const
  ) {
    const routes = routesOf(program);
    const end = place(padded, padded);
    const result = rewriteMessages(routes.address, input, end, output, output + ROOM);
    assert.deepEqual([result.messages, result.produced], [2, 2 * produced]);
    assert.equal(result.relayed, produced === padded.length, "only what is unchanged stays where it came in");
    const length = view((result.relayed ? input : output) + 2, 2);
    assert.equal((length[0] ?? 0) * 256 + (length[1] ?? 0), produced, "the message's own length follows");
  }
});
