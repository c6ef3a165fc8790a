import assert from "node:assert/strict";
import fc from "fast-check";
import { walkDataRecords } from "../../../test/support/messages/data_record.ts";
import { DecodeError } from "../octets/decode_error.ts";
import { unknownElement } from "../registry/information_element.ts";
import { OctetReader } from "../octets/octet_reader.ts";
import { RecordLayout, recordLayout } from "./record_layout.ts";
import type { Template } from "./template.ts";
import { processorTime } from "../../../test/support/time/processor_time.ts";

function template(...lengths: readonly number[]): Template {
  const element = unknownElement(64512, 1);
  return { id: 256, scopeFieldCount: 0, fields: lengths.map((length) => ({ element, length })) };
}

function outcome(count: () => number): string {
  try {
    return `${count()} records`;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return error.reason;
  }
}

Deno.test("any octets hold as many records as walking field by field finds, or break in the same way", () => {
  const length = fc.constantFrom(0, 1, 2, 5, 65535, 65535);
  const octet = fc.oneof(fc.constantFrom(0, 1, 2, 255), fc.nat(255));
  fc.assert(
    fc.property(
      fc.array(length, { minLength: 1, maxLength: 6 }),
      fc.array(octet, { maxLength: 60, size: "max" }),
      (lengths, octets) => {
        const source = template(...lengths);
        fc.pre(lengths.some((length) => length > 0));
        const input = Uint8Array.from(octets);
        assert.equal(
          outcome(() => new RecordLayout(source).count(new OctetReader(input))),
          outcome(() => [...walkDataRecords(new OctetReader(input), source)].length),
        );
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("thousands of empty fields cost nothing per record", () => {
  const wide = template(1, ...Array(16_000).fill(0));
  const layout = recordLayout(wide);
  assert.equal(recordLayout(wide), layout);
  const started = processorTime();
  assert.equal(layout.count(new OctetReader(new Uint8Array(65_000))), 65_000);
  // Field by field it is a thousand million steps.
  assert.ok(processorTime() - started < 5_000);
});

Deno.test("records without octets are refused: no set of them would end", () => {
  assert.throws(() => new RecordLayout(template(0, 0)).count(new OctetReader(new Uint8Array(4))), RangeError);
});
