/**
 * src/ipfix beside a second codec that shares no code with it: what one writes the other reads as the same, and back.
 * Properties of one function alone stand beside it in src/ipfix.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { formatAddress, parsePrefix, prefixContains } from "../../src/ipfix/types/address.ts";
import { datagramFault } from "../../src/ipfix/message/framing.ts";
import { formatHex, parseHex } from "../../src/ipfix/octets/hex.ts";
import { unknownElement } from "../../src/ipfix/registry/information_element.ts";
import { MessageBuilder } from "../support/messages/message_builder.ts";
import { decodeMessageHeader } from "../../src/ipfix/message/message_header.ts";
import { OctetReader } from "../../src/ipfix/octets/octet_reader.ts";
import { formatSemanticVersion, parseSemanticVersion } from "../../src/ipfix/registry/semantic_version.ts";
import { setsOfMessage } from "../../src/ipfix/message/set.ts";
import type { Template } from "../../src/ipfix/record/template.ts";
import {
  decodeTemplateRecords,
  encodeTemplateRecord,
  encodeWithdrawal,
} from "../../src/ipfix/record/template_record.ts";
import { ABSTRACT_DATA_TYPES } from "../../src/ipfix/types/abstract_data_type.ts";
import { decodeValue, encodeValue } from "../../src/ipfix/types/value.ts";
import { encodeVariableLength, readVariableField } from "../../src/ipfix/record/variable_length.ts";
import { decodeDataRecords, walkDataRecords } from "../support/messages/data_record.ts";
import { decodeStructuredData } from "../support/messages/structured_data.ts";
import * as wire from "../support/messages/wire.ts";

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u16 = fc.nat(0xffff);
const octets = fc.uint8Array({ maxLength: 40 });
const field: fc.Arbitrary<wire.WireField> = fc.record({
  pen: u32,
  id: fc.nat(0x7fff),
  enterpriseBit: fc.boolean(),
  length: fc.oneof(fc.nat(12), fc.constant(65535)),
}, { noNullPrototype: true }).map((one) => one.enterpriseBit ? one : { ...one, pen: 0 });
const fields = fc.array(field, { minLength: 1, maxLength: 12 });

function asTemplate({ id, scope, fields }: wire.WireTemplate): Template {
  return {
    id,
    scopeFieldCount: scope,
    fields: fields.map(({ pen, id, enterpriseBit, length }) => ({
      element: unknownElement(pen, id, enterpriseBit),
      length,
    })),
  };
}

const resolve = (pen: number, id: number, _length: number, enterpriseBit: boolean) =>
  unknownElement(pen, id, enterpriseBit);

Deno.test("messages and sets: what the builder writes the second codec reads, what that one writes is read here", () => {
  const header = fc.record({ exportTime: u32, sequenceNumber: u32, observationDomainId: u32 });
  fc.assert(fc.property(header, fc.array(fc.tuple(u16, octets), { maxLength: 6 }), (header, sets) => {
    const built = sets.reduce((builder, [id, content]) => builder.set(id, content), new MessageBuilder(header)).build();
    const { exportTime, sequenceNumber, observationDomainId: observationDomain } = header;
    const told = { exportTime, sequenceNumber, observationDomain };
    assert.deepEqual(wire.readMessages(built), [{ ...told, sets: sets.map(([id, content]) => ({ id, content })) }]);
    const written = wire.message(told, ...sets.map(([id, content]) => wire.set(id, content)));
    assert.deepEqual(written, built);
    assert.deepEqual(decodeMessageHeader(written), { version: 10, length: written.length, ...header });
    assert.deepEqual(
      setsOfMessage(written, 0, written.length).map((
        { id, contentOffset, end },
      ) => [id, written.slice(contentOffset, end)]),
      sets,
    );
  }));
});

Deno.test("a datagram is its message, not an octet more or less", () => {
  fc.assert(fc.property(fc.array(octets, { maxLength: 3 }), fc.integer({ min: -20, max: 20 }), (sets, change) => {
    const message = wire.message({}, ...sets.map((content) => wire.set(300, content)));
    const datagram = wire.join(message, new Uint8Array(Math.max(0, change))).slice(0, message.length + change);
    assert.equal(datagramFault(datagram) === undefined, change === 0);
  }));
});

Deno.test("template records, options template records and withdrawals, several in a set, with padding behind them", () => {
  const record = fc.record({
    id: fc.integer({ min: 256, max: 65535 }),
    fields,
    scope: fc.nat(),
    withdrawn: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(record, { maxLength: 5 }), fc.boolean(), octets, (all, options, padding) => {
    const templates = all.map(({ id, fields, scope, withdrawn }): wire.WireTemplate => ({
      id,
      scope: options && !withdrawn ? 1 + scope % fields.length : 0,
      fields: withdrawn ? [] : fields,
    }));
    const kind = options ? "options-template" : "template";
    const written = wire.join(...templates.map(wire.templateRecord));
    const encoded = templates.map((one) =>
      one.fields.length === 0 ? encodeWithdrawal(one.id, kind) : encodeTemplateRecord(asTemplate(one))
    );
    assert.deepEqual(wire.join(...encoded), written);
    assert.deepEqual(
      decodeTemplateRecords(new OctetReader(wire.join(written, padding.subarray(0, 3))), kind, resolve),
      templates.map((one) =>
        one.fields.length === 0 ? { kind: "withdrawal", id: one.id } : { kind: "template", template: asTemplate(one) }
      ),
    );
  }));
});

Deno.test("data records: the same values at the same places, with lengths in either form and padding behind them", () => {
  const seed = fc.array(fc.tuple(fc.array(fc.oneof(fc.nat(20), fc.constantFrom(254, 255, 256, 700))), fc.boolean()), {
    maxLength: 4,
  });
  fc.assert(fc.property(fields, seed, fc.nat(40), (fields, records, rest) => {
    const smallest = wire.smallestRecord(fields);
    fc.pre(smallest > 0);
    const values = records.map(([lengths]) =>
      fields.map(({ length }, index) =>
        new Uint8Array(length === 65535 ? lengths[index % lengths.length] ?? 0 : length).fill(index + 1)
      )
    );
    const content = wire.join(
      ...values.flatMap((record, index) =>
        record.map((value, place) =>
          fields[place]?.length === 65535 ? wire.variable(value, records[index]?.[1]) : value
        )
      ),
      new Uint8Array(rest % smallest),
    );
    const template = asTemplate({ id: 256, scope: 0, fields });
    const ranges = [...walkDataRecords(new OctetReader(content), template)];
    assert.deepEqual(
      ranges.map(({ fields }) => fields.map(({ offset, length }) => content.slice(offset, offset + length))),
      values,
    );
    assert.deepEqual([...decodeDataRecords(new OctetReader(content), template)], values);
    assert.deepEqual(wire.readRecords(fields, content).records, values);
  }));
});

Deno.test("the length of a variable field, each one there is, in both forms", () => {
  const content = new Uint8Array(65535);
  for (let length = 0; length < 65536; length += length < 600 || length > 65000 ? 1 : 97) {
    for (const form of ["shortest", "long"] as const) {
      const prefix = encodeVariableLength(length, form);
      assert.equal(prefix.length, form === "long" || length > 254 ? 3 : 1);
      const reader = new OctetReader(wire.join(prefix, content.subarray(0, length)));
      assert.equal(readVariableField(reader).length, length);
      assert.equal(reader.remaining, 0);
    }
  }
});

Deno.test("integers of any type in every size that it may have", () => {
  const types = ABSTRACT_DATA_TYPES.filter((type) => /^(un)?signed/.test(type));
  fc.assert(
    fc.property(
      fc.constantFrom(...types),
      fc.nat(7),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
      (type, cut, any) => {
        const natural = Number(type.replace(/\D+/, "")) / 8;
        const length = natural - cut % natural;
        const value = type.startsWith("signed") ? BigInt.asIntN(length * 8, any) : BigInt.asUintN(length * 8, any);
        const encoded = encodeValue(type, length, value);
        assert.deepEqual(encoded, wire.number(value, length));
        assert.equal(decodeValue(type, encoded), natural === 8 ? value : Number(value));
      },
    ),
  );
});

Deno.test("an octet reader returns the written values, for any sizes and offsets", () => {
  const size = fc.constantFrom(1, 2, 4, 8);
  const write = fc.tuple(size, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
  fc.assert(fc.property(fc.array(write), fc.nat(9), (writes, before) => {
    const values = writes.map(([size, value]) => [size, BigInt.asUintN(size * 8, value)] as const);
    const all = wire.join(new Uint8Array(before), ...values.map(([size, value]) => wire.number(value, size)));
    const reader = new OctetReader(all, before);
    for (const [size, value] of values) {
      const read = size === 1 ? reader.u8() : size === 2 ? reader.u16() : size === 4 ? reader.u32() : reader.u64();
      assert.equal(BigInt(read), value);
    }
    assert.equal(reader.remaining, 0);
  }));
});

Deno.test("hexadecimal text and release names come back", () => {
  fc.assert(fc.property(octets, fc.constantFrom("", ":", "-"), (octets, separator) => {
    assert.deepEqual(parseHex(formatHex(octets, separator)), octets);
    assert.deepEqual(parseHex(formatHex(octets, separator).toUpperCase()), octets);
  }));
  fc.assert(fc.property(fc.tuple(fc.nat(999), fc.nat(999), fc.nat(999)), (numbers) => {
    const text = `v${numbers.join(".")}`;
    const version = parseSemanticVersion(text);
    assert.equal(version && formatSemanticVersion(version), text);
  }));
});

Deno.test("a prefix holds the addresses whose leading bits are its own, and no others", () => {
  const address = fc.constantFrom(4, 16).chain((length) =>
    fc.tuple(fc.uint8Array({ minLength: length, maxLength: length }), fc.nat(length * 8), fc.nat(length * 8 - 1))
  );
  const bitsOf = (octets: Uint8Array) => Array.from(octets, (octet) => octet.toString(2).padStart(8, "0")).join("");
  fc.assert(fc.property(address, ([octets, length, flipped]) => {
    const prefix = parsePrefix(`${formatAddress(octets)}/${length}`);
    assert.ok(prefix !== undefined);
    const other = octets.map((octet, index) => index === flipped >> 3 ? octet ^ (0x80 >> flipped % 8) : octet);
    assert.ok(prefixContains(prefix, octets));
    assert.equal(prefixContains(prefix, other), bitsOf(octets).slice(0, length) === bitsOf(other).slice(0, length));
  }));
});

Deno.test("lists of RFC 6313: what a second writer puts together is read item by item", () => {
  const inner = asTemplate({ id: 300, scope: 0, fields: [wire.field("0/7", 2), wire.field("0/82", 65535)] });
  const context = { resolve: (pen: number, id: number) => unknownElement(pen, id), templateOf: () => inner };
  const record = fc.tuple(fc.uint8Array({ minLength: 2, maxLength: 2 }), octets);
  const recordOf = ([fixed, text]: readonly [Uint8Array, Uint8Array]) => wire.join(fixed, wire.variable(text));
  fc.assert(fc.property(fc.array(fc.array(record, { maxLength: 4 }), { maxLength: 4 }), fc.boolean(), (lists, long) => {
    const texts = lists.flat().map(([, text]) => text);
    const basic = wire.join(
      wire.number(3, 1),
      wire.number(82, 2),
      wire.number(65535, 2),
      ...texts.map((text) => wire.variable(text, long)),
    );
    assert.deepEqual(decodeStructuredData("basicList", basic, context), {
      ok: true,
      list: { type: "basicList", semantic: "allOf", element: unknownElement(0, 82), items: texts },
    });
    const one = wire.join(wire.number(4, 1), wire.number(300, 2), ...lists.flat().map(recordOf));
    assert.deepEqual(decodeStructuredData("subTemplateList", one, context), {
      ok: true,
      list: { type: "subTemplateList", semantic: "ordered", templateId: 300, records: lists.flat() },
    });
    const many = lists.map((records) => wire.set(300, wire.join(...records.map(recordOf))));
    assert.deepEqual(decodeStructuredData("subTemplateMultiList", wire.join(wire.number(255, 1), ...many), context), {
      ok: true,
      list: {
        type: "subTemplateMultiList",
        semantic: "undefined",
        lists: lists.map((records) => ({ templateId: 300, records })),
      },
    });
  }));
});
