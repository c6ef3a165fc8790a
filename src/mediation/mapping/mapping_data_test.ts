import assert from "node:assert/strict";
import { template } from "../../../test/support/mediation.ts";
import { freezeDeep, mappingData, mappingOf, readMapping } from "./mapping_data.ts";
import { identity, type TemplateMapping } from "./template_mapping.ts";

/** A mapping whose second field another plugin has stripped. */
function stripping(): TemplateMapping {
  const all = identity(template(256, ["protocolIdentifier", "sourceTransportPort", "octetDeltaCount"]));
  return freezeDeep({
    ...all,
    fields: all.fields.filter((_, index) => index !== 1),
    stripped: new Map([[1, "other"]]),
  });
}

Deno.test("a field that the target has is not stripped, whoever had said so", () => {
  const given = stripping();
  assert.equal(readMapping(given, given), given);
  const all = identity(given.source);
  assert.throws(() => readMapping({ ...given, fields: all.fields }, given), /stripped names field 1/);
  const { stripped: _, ...without } = given;
  assert.deepEqual(readMapping({ ...without, fields: all.fields }, given), all);
  const fewer = { ...given, fields: given.fields.slice(1), stripped: new Map([[0, "own"], [1, "other"]]) };
  assert.deepEqual([...readMapping(fewer, given).stripped ?? []], [[0, "own"], [1, "other"]]);
});

Deno.test("a mapping comes back from JSON as it was", () => {
  const given = stripping();
  assert.deepEqual(mappingOf(JSON.parse(JSON.stringify(mappingData(given)))), given);
});
