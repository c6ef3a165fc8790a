import assert from "node:assert/strict";
import fc from "fast-check";
import type { TemplateEntry } from "../../templates/template_entry.ts";
import { TemplateHistory } from "./template_history.ts";

Deno.test("property: each place of a message has the templates that a copy made there would have", () => {
  const change = fc.record({ template: fc.integer({ min: 256, max: 259 }), isGone: fc.boolean() });
  fc.assert(fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
    const current = new Map<number, TemplateEntry>();
    const history = new TemplateHistory((template) => current.get(template));
    const places = [{ scope: history.scope, copy: new Map(current) }];
    for (const { template, isGone } of changes) {
      history.note(template, current.get(template));
      if (isGone) current.delete(template);
      else current.set(template, {} as TemplateEntry);
      places.push({ scope: history.scope, copy: new Map(current) });
    }
    for (const { scope, copy } of places) {
      for (let template = 256; template < 260; template++) {
        assert.ok(scope.templates.get(template) === copy.get(template));
      }
    }
  }));
});
