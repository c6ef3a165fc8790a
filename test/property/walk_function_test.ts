import assert from "node:assert/strict";
import fc from "fast-check";
import { MessageBuilder } from "../support/messages/message_builder.ts";
import { allocate, memoryOctets, memoryWords, view } from "../../src/mediation/program/loop/memory.ts";
import { rewriteMessages, Stop } from "../../src/mediation/program/loop/rewrite_loop.ts";
import { Routes } from "../../src/mediation/program/loop/routes.ts";
import { Sequence } from "../../src/mediation/program/loop/sequence.ts";
import { releaseWalkFunction, takeWalkFunction } from "../../src/mediation/program/loop/walk_function.ts";
import { compileMapping } from "../../src/mediation/program/mapping_compiler.ts";
import { countersLength, ProgramWord } from "../../src/mediation/program/rewrite_program.ts";
import type { MappedField } from "../../src/mediation/mapping/template_mapping.ts";
import { constant, field, fromRecord, template } from "../support/mediation.ts";
import { join } from "../support/messages/wire.ts";

const FACTS = { exporterAddress: undefined, observationDomain: 1 };
const ROOM = 2 ** 19;
const [input, output] = [allocate(ROOM), allocate(ROOM)];

/** What is taken, given and counted of these messages, with such functions or without. */
function taken(templates: readonly Mapped[], messages: Uint8Array, quick: boolean) {
  const routes = new Routes(65535);
  routes.maxMessages = Infinity;
  const sequence = new Sequence();
  const programs = templates.map(({ lengths, fields }, index) => {
    const source = template(256 + index, lengths.map(fieldOf));
    const program = compileMapping({ source, fields }, FACTS, false, index === 1);
    const [address, counters] = [allocate(program.octets.length), allocate(countersLength(program))];
    memoryOctets.set(program.octets, address);
    view(counters, countersLength(program)).fill(0);
    if (quick) memoryWords[(address >>> 2) + ProgramWord.walkFunction] = takeWalkFunction(program.layout);
    routes.set({
      observationDomain: 1,
      template: 256 + index,
      program: address,
      counters,
      targetTemplate: 256 + index * 7,
      sequence: sequence.address,
    });
    return { program, counters };
  });
  memoryOctets.set(messages, input);
  const result = rewriteMessages(routes.address, input, input + messages.length, output, output + ROOM);
  const { stop, consumed, produced, records, messages: count, relayed } = result;
  const octets = view(relayed ? input : output, produced).toHex();
  const counted = programs.map(({ program, counters }) => view(counters, countersLength(program)).toHex());
  if (quick) { for (const { program } of programs) releaseWalkFunction(program.layout); }
  routes.close();
  return { stop, consumed, records, count, relayed, octets, counted, gaps: sequence.takeGaps() };
}

/** A template by the lengths of its fields (0: variable), and what is made of its records. */
interface Mapped {
  readonly lengths: readonly number[];
  readonly fields: readonly MappedField[];
}

const fieldOf = (length: number) => length === 0 ? field("interfaceName") : field("0/1", length);

const mapped: fc.Arbitrary<Mapped> = fc.record({
  lengths: fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 20 })), { minLength: 1, maxLength: 12 }),
  kept: fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
  made: fc.option(fc.nat(11)),
  reversed: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  whole: fc.boolean(),
}).map(({ lengths, kept, made, reversed, whole }) => {
  const fields: MappedField[] = lengths.flatMap((length, index) =>
    whole || kept[index] === true ? [fromRecord(fieldOf(length), index)] : []
  );
  if (fields.length === 0 || made !== null && !whole) {
    fields.splice((made ?? 0) % (fields.length + 1), 0, constant("interfaceName", 1, 2, 3));
  }
  return { lengths, fields: reversed ? fields.toReversed() : fields };
});

const valueLength = fc.oneof(
  { weight: 30, arbitrary: fc.nat(12) },
  { weight: 5, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: 253, max: 300 }) },
);

const message = fc.record({
  template: fc.nat(2),
  records: fc.array(fc.array(valueLength, { minLength: 12, maxLength: 12 }), { maxLength: 5 }),
  padding: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(30) }),
  cut: fc.oneof({ weight: 20, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(300) }),
});

function record(lengths: readonly number[], values: readonly number[]): Uint8Array {
  return join(...lengths.map((length, index) => {
    const octets = new Uint8Array(length === 0 ? values[index] ?? 0 : length).fill((values[index] ?? 0) & 255);
    if (length > 0) return octets;
    const prefix = octets.length < 253 ? [octets.length] : [255, octets.length >> 8, octets.length & 255];
    return join(Uint8Array.from(prefix), octets);
  }));
}

Deno.test("messages are rewritten the same, to the octet and the count, whether four of them are walked at a time or one", () => {
  fc.assert(
    fc.property(fc.tuple(mapped, mapped), fc.array(message, { minLength: 1, maxLength: 14 }), (templates, all) => {
      const builder = new MessageBuilder({ observationDomainId: 1 });
      const messages = all.map(({ template, records, padding, cut }) => {
        const content = join(
          ...records.map((values) => record(templates[template % 2]?.lengths ?? [], values)),
          new Uint8Array(padding),
        );
        return builder.set(256 + template % 2, content.subarray(0, content.length - cut)).build();
      });
      const octets = join(...messages);
      assert.deepEqual(taken(templates, octets, true), taken(templates, octets, false));
    }),
    { numRuns: 600 },
  );
});

Deno.test("messages with more records than the log holds are rewritten, alone and next to short ones", () => {
  const mapped: Mapped = { lengths: [0, 2, 0], fields: [fromRecord(fieldOf(0), 0), fromRecord(fieldOf(0), 2)] };
  const builder = new MessageBuilder({ observationDomainId: 1 });
  const long = builder.set(256, new Uint8Array(16_000 * 4)).build();
  const short = builder.set(256, new Uint8Array(8)).build();
  for (const messages of [[long], [long, long], [short, long, short, short, long, short]]) {
    const octets = join(...messages);
    const records = messages.reduce((sum, { length }) => sum + (length - 20) / 4, 0);
    for (const quick of [true, false]) {
      const { stop, consumed, records: found, octets: given } = taken([mapped], octets, quick);
      assert.deepEqual([stop, consumed, found], [Stop.needsInput, octets.length, records]);
      assert.equal(given.length / 2, messages.length * 20 + records * 2);
    }
  }
});
