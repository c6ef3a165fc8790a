import assert from "node:assert/strict";
import { REJECT_REASON_MEANINGS, REJECT_REASONS } from "../../ipfix/octets/decode_error.ts";
import { DROP_REASON_MEANINGS, DROP_REASONS } from "./event.ts";

for (
  const [what, reasons, meanings] of [
    ["drop", DROP_REASONS, DROP_REASON_MEANINGS],
    ["reject", REJECT_REASONS, REJECT_REASON_MEANINGS],
  ] as const
) {
  Deno.test(`every ${what} reason is listed once, is a valid value of a metric's label, and has one sentence`, () => {
    assert.equal(new Set(reasons).size, reasons.length);
    assert.deepEqual(Object.keys(meanings), [...reasons], "the order of the list");
    for (const reason of reasons) assert.match(reason, /^[a-z]+(_[a-z]+)*$/);
    for (const meaning of Object.values(meanings)) assert.match(meaning, /^[A-Z][^]*[^.]\.$/);
    assert.equal(new Set(Object.values(meanings)).size, reasons.length);
  });
}
