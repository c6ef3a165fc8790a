import assert from "node:assert/strict";
import { skewedMapping } from "../../../test/support/fake_view.ts";
import type { MediationEvent } from "../../mediation/templates/event.ts";
import { mediationReport } from "./mediation_report.ts";

Deno.test("of an observed session, events say what would happen; of another, what has", () => {
  const messages: string[] = [];
  const marks: unknown[] = [];
  let observed = true;
  const notify = mediationReport((_level, _event, message, fields) => {
    messages.push(message);
    marks.push(fields?.["observed"]);
  }, () => observed);
  const place = { observationDomain: 7, template: 256 };
  const events: MediationEvent[] = [
    {
      event: "template_mapped",
      ...place,
      targetTemplate: 300,
      mapping: skewedMapping(),
      outcome: "rewritten",
      replaced: false,
    },
    { event: "records_dropped", ...place, reason: "unknown_template", message: "data before its template" },
  ];
  events.forEach(notify);
  observed = false;
  events.forEach(notify);
  assert.deepEqual(messages, [
    "template 256: 3 fields would become 4",
    "records would be dropped: data before its template",
    "template 256: 3 fields become 4",
    "data before its template",
  ]);
  assert.deepEqual(marks, [true, true, undefined, undefined]);
});
