import assert from "node:assert/strict";
import { identity } from "../../../mediation/mapping/template_mapping.ts";
import { skewedMapping } from "../../../../test/support/fake_view.ts";
import { templateDiff } from "./template_diff.ts";

Deno.test("stripped, padded, moved and changed fields, each on its side and in its place", () => {
  const rows = templateDiff(skewedMapping()).map(({ change, source, target, note }) => [
    change,
    source === undefined ? "" : `${source.place} ${source.name} (${source.length})`,
    target === undefined ? "" : `${target.place} ${target.name} (${target.length})`,
    note,
  ]);
  assert.deepEqual(rows, [
    ["moved", "", "1 interfaceName (variable length)", "from place 2"],
    ["changed", "1 packetDeltaCount (4 octets)", "2 packetDeltaCount (8 octets)", "widen"],
    ["padded", "", "3 protocolIdentifier (1 octet)", "always 6, by pad-missing"],
    ["padded", "", "4 exporterIPv4Address (4 octets)", "the session's exporterIPv4Address, by annotate-exporter"],
    ["moved", "2 interfaceName (variable length)", "", "to place 1"],
    ["stripped", "3 56506/999 (2 octets)", "", "by strip-unknown"],
  ]);
});

Deno.test("an identity keeps every field, and every field of both sides is there once", () => {
  const mapping = skewedMapping();
  const rows = templateDiff(identity(mapping.source));
  assert.deepEqual(rows.map(({ change }) => change), ["kept", "kept", "kept"]);
  const skewed = templateDiff(mapping);
  const places = (side: "source" | "target") =>
    skewed.flatMap((row) => row[side] === undefined ? [] : [row[side].place]);
  assert.deepEqual(places("source").toSorted(), [1, 2, 3]);
  assert.deepEqual(places("target"), [1, 2, 3, 4], "the collector's order is that of the rows");
});

Deno.test("a narrowed field shows the pad value for values that do not fit", () => {
  const { source } = skewedMapping();
  const [packets] = source.fields;
  assert.ok(packets !== undefined);
  const [row] = templateDiff({
    source: { ...source, fields: [{ ...packets, length: 9 }] },
    fields: [{
      target: { ...packets, length: 8 },
      value: { from: "record", index: 0, convert: "narrow", otherwise: new Uint8Array(8) },
    }],
  });
  assert.deepEqual([row?.change, row?.note], ["changed", "narrowed, 0 where the value does not fit"]);
});
