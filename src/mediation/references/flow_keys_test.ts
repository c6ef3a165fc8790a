import assert from "node:assert/strict";
import fc from "fast-check";
import type { FieldSpecifier } from "../../ipfix/record/template.ts";
import { FlowKeyMoves } from "./flow_keys.ts";
import type { MappedField, TemplateMapping } from "../mapping/template_mapping.ts";

const FIELD: FieldSpecifier = {
  element: {
    pen: 0,
    id: 4,
    name: "protocolIdentifier",
    type: "unsigned8",
    length: 1,
    known: true,
    enterpriseBit: false,
  },
  length: 1,
};

/** A mapping whose target fields come from these source fields; undefined: a constant. */
function mappingOf(sources: readonly (number | undefined)[], sourceFields = 70): TemplateMapping {
  const fields = sources.map((index): MappedField => ({
    target: FIELD,
    value: index === undefined ? { from: "constant", octets: Uint8Array.of(0) } : { from: "record", index },
  }));
  return { source: { id: 256, scopeFieldCount: 0, fields: Array(sourceFields).fill(FIELD) }, fields };
}

const range = (length: number) => Array.from({ length }, (_, index) => index);

Deno.test("keys follow their fields; stripped fields have no bit, added fields are no keys", () => {
  // Fields 0, 1 and 3 are keys; the target is [3, constant, 0, 2].
  const { octets, lost } = new FlowKeyMoves(mappingOf([3, undefined, 0, 2])).move(Uint8Array.of(0, 0b1011));
  assert.deepEqual([octets, lost], [Uint8Array.of(0, 0b101), 0]);
});

Deno.test("a key that moves behind the last bit vanishes and is counted; no other field is marked for it", () => {
  const moves = new FlowKeyMoves(mappingOf([...Array(64).fill(undefined), 0, 1]));
  assert.deepEqual(moves.move(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 3)), { octets: new Uint8Array(8), lost: 2 });
  const reduced = new FlowKeyMoves(mappingOf([...Array(8).fill(undefined), 1, 0]));
  assert.deepEqual(reduced.move(Uint8Array.of(2)), { octets: Uint8Array.of(0), lost: 1 });
  assert.deepEqual(reduced.move(Uint8Array.of(0, 2)), { octets: Uint8Array.of(1, 0), lost: 0 });
});

Deno.test("the 64th field is the highest bit, the 65th has none", () => {
  const moves = new FlowKeyMoves(mappingOf([64, ...range(64)]));
  const keys = Uint8Array.of(0x80, 0, 0, 0, 0, 0, 0, 1);
  assert.deepEqual(moves.move(keys), { octets: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 2), lost: 1 });
});

Deno.test("any mapping: a bit is set where and only where the field comes from a key", () => {
  const source = fc.option(fc.nat(69), { nil: undefined });
  fc.assert(
    fc.property(
      fc.array(source, { maxLength: 80 }),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      fc.integer({ min: 1, max: 8 }),
      (sources, keys, length) => {
        const bits = BigInt.asUintN(8 * length, keys);
        const octets = range(length).map((place) => Number(bits >> BigInt(8 * (length - 1 - place)) & 0xffn));
        const moved = new FlowKeyMoves(mappingOf(sources)).move(Uint8Array.from(octets));
        let expected = 0n;
        let lost = 0;
        sources.forEach((index, position) => {
          if (index === undefined || index > 63 || (bits >> BigInt(index) & 1n) === 0n) return;
          if (position < 8 * length) expected |= 1n << BigInt(position);
          else lost++;
        });
        assert.deepEqual([BigInt(`0x${moved.octets.toHex()}`), moved.lost], [expected, lost]);
      },
    ),
  );
});
