import assert from "node:assert/strict";
import { unknownElement } from "../../ipfix/registry/information_element.ts";
import { encodeTemplateRecord } from "../../ipfix/record/template_record.ts";
import { registryHistory, template } from "../../../test/support/mediation.ts";
import { LONG_TEMPLATE, StoredTemplate, storedTemplate } from "./stored_template.ts";

function long(fields: number, scopeFieldCount = 0) {
  const unknown = Array.from({ length: fields - 2 }, (_, id) => ({ element: unknownElement(77, id), length: 65535 }));
  const known = template(300, ["octetDeltaCount", "userName"]).fields;
  return { id: 300, fields: [...known, ...unknown], scopeFieldCount };
}

Deno.test("a long template is kept as octets, and comes back as it was", () => {
  for (const scopeFieldCount of [0, 2]) {
    const given = long(LONG_TEMPLATE + 1, scopeFieldCount);
    const stored = storedTemplate(given, registryHistory.resolve);
    assert.ok(stored instanceof StoredTemplate);
    assert.deepEqual(stored.decode(), given);
    assert.ok(stored.octets <= 8 * given.fields.length);
    assert.equal(storedTemplate(stored, registryHistory.resolve), stored);
  }
  const short = long(LONG_TEMPLATE);
  assert.equal(storedTemplate(short, registryHistory.resolve), short);
});

Deno.test("it knows its own field specifiers in a message, and no others", () => {
  const stored = new StoredTemplate(long(300), registryHistory.resolve);
  const octets = Uint8Array.of(9, ...encodeTemplateRecord(long(300)));
  assert.equal(stored.isWritten(octets, 5, 300), true);
  assert.equal(stored.isWritten(octets, 5, 299), false);
  assert.equal(stored.isWritten(octets.subarray(0, -1), 5, 300), false);
  octets[octets.length - 1]! ^= 1;
  assert.equal(stored.isWritten(octets, 5, 300), false);
});
