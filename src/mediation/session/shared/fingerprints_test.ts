import assert from "node:assert/strict";
import { constant, fromRecord, profileOf, RFC7011, template } from "../../../../test/support/mediation.ts";
import { identity } from "../../mapping/template_mapping.ts";
import { Fingerprints, layoutFingerprint } from "./fingerprints.ts";

const source = template(256, ["sourceTransportPort", "octetDeltaCount"]);

const NAMES = ["sourceTransportPort", "octetDeltaCount"];
/** Of which the fingerprints are digests. */
const long = template(256, Array.from({ length: 2_000 }, (_, index) => NAMES[index % 2] ?? ""));

Deno.test("layouts differ by elements, lengths and order, not by template id", () => {
  for (const source of [template(256, NAMES), long]) {
    const renumbered = { ...source, id: 300 };
    assert.equal(layoutFingerprint(source), layoutFingerprint(renumbered));
    for (
      const other of [
        { ...source, fields: source.fields.toReversed() },
        { ...source, scopeFieldCount: 1 },
        { ...source, fields: source.fields.slice(1) },
        { ...source, fields: source.fields.map((field) => ({ ...field, length: field.length - 1 })) },
      ]
    ) assert.notEqual(layoutFingerprint(source), layoutFingerprint(other));
  }
});

Deno.test("the fingerprint of a long mapping is short, and differs by where values come from", () => {
  const fingerprints = new Fingerprints();
  const mapping = identity(long);
  const variants = [
    mapping,
    { ...mapping, fields: mapping.fields.with(7, constant("octetDeltaCount", 0, 0, 0, 0, 0, 0, 0, 1)) },
    { ...mapping, fields: mapping.fields.with(7, constant("octetDeltaCount", 0, 0, 0, 0, 0, 0, 0, 2)) },
    { ...mapping, fields: mapping.fields.with(8, constant("octetDeltaCount", 0, 0, 0, 0, 0, 0, 0, 1)) },
    { ...mapping, fields: mapping.fields.with(7, fromRecord("octetDeltaCount", 9)) },
    { ...mapping, fields: mapping.fields.toReversed() },
  ];
  const keys = variants.map((variant) => fingerprints.mapping(variant));
  assert.equal(new Set(keys).size, variants.length);
  assert.equal(fingerprints.mapping(identity(long)), keys[0]);
  assert.ok(keys.every(({ length }) => length < 300), keys.join(" "));
});

Deno.test("mappings differ by where values come from, though their targets have the same layout", () => {
  const fingerprints = new Fingerprints();
  const mapping = identity(source);
  const equal = { ...mapping, fields: [...mapping.fields] };
  assert.equal(fingerprints.mapping(mapping), fingerprints.mapping(equal));
  const padded = {
    source,
    fields: [fromRecord("sourceTransportPort", 0), constant("octetDeltaCount", 0, 0, 0, 0, 0, 0, 0, 1)],
  };
  assert.equal(fingerprints.targetLayout(mapping), fingerprints.targetLayout(padded));
  assert.notEqual(fingerprints.mapping(mapping), fingerprints.mapping(padded));
});

Deno.test("treatments are told apart as objects, expectations by what they hold", () => {
  const fingerprints = new Fingerprints();
  const [one, other] = [profileOf(RFC7011), profileOf(RFC7011)];
  const [first, second] = [{ profile: one, plugins: [] }, { profile: one, plugins: [] }];
  assert.equal(fingerprints.treatment(first), fingerprints.treatment(first));
  assert.notEqual(fingerprints.treatment(first), fingerprints.treatment(second));
  assert.equal(fingerprints.expectation(one), fingerprints.expectation(other));
  const stricter = { ...one, dialect: { ...one.dialect, setsPerMessage: 1 } };
  assert.notEqual(fingerprints.expectation(one), fingerprints.expectation(stricter));
});
