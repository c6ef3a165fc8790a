import assert from "node:assert/strict";
import type { AcceptedTemplate, ObservationDomain, TemplateEntry } from "../../templates/template_entry.ts";
import { TemplateIdSpace } from "../../templates/template_id_space.ts";
import { template } from "../../../../test/support/mediation.ts";
import { TargetIds } from "./target_ids.ts";
import type { TemplateIntake } from "./template_intake.ts";

/** A template of domain 1 that goes out with this layout. */
function accepted(id: number, layout: string, targetId = id): AcceptedTemplate {
  const shared = { sharesIds: true, targetId, mapping: layout };
  return {
    kind: "accepted",
    source: template(id, ["protocolIdentifier"]),
    shared: shared as unknown as AcceptedTemplate["shared"],
    counters: 0,
    records: 0,
  };
}

/** The ids of a session with these templates, which holds theirs. */
function open(...entries: readonly AcceptedTemplate[]) {
  const ids = new TemplateIdSpace();
  const templates = new Map<number, TemplateEntry>();
  for (const entry of entries) {
    templates.set(entry.source.id, entry);
    ids.take(1, entry.shared.targetId, layoutOf(entry));
  }
  const intake = {
    releaseId: (entry: AcceptedTemplate, domain: number) => ids.release(domain, entry.shared.targetId),
    shared: { fingerprints: { targetLayout: (mapping: unknown) => mapping } },
    target: { ids },
  };
  const domains = new Map([[1, { id: 1, templates } as unknown as ObservationDomain]]);
  return { ids, templates, targetIds: new TargetIds(intake as unknown as TemplateIntake, domains) };
}

const layoutOf = ({ shared: { mapping } }: AcceptedTemplate): string => mapping as unknown as string;

/** Whether a layout that nobody has could have this id. */
function isFree(ids: TemplateIdSpace, id: number): boolean {
  const taken = ids.take(1, id, "new");
  if (taken !== undefined) ids.release(1, taken);
  return taken === id;
}

Deno.test("the id of a mapping that is replaced stays reserved until the session ends", () => {
  const before = accepted(256, "a");
  const after = accepted(256, "b", 65535);
  const { ids, templates, targetIds } = open(before);
  ids.take(1, 65535, "b");
  targetIds.retire(1, before, after);
  templates.set(256, after);
  assert.deepEqual([isFree(ids, 256), isFree(ids, 65535)], [false, false]);
  targetIds.release();
  assert.deepEqual([isFree(ids, 256), isFree(ids, 65535)], [true, true]);
});

Deno.test("an id that goes on, or is reserved already, is not reserved once more", () => {
  const entry = accepted(256, "a");
  const { ids, targetIds } = open(entry);
  ids.take(1, 256, "a");
  targetIds.retire(1, entry, accepted(256, "a"));
  assert.equal(isFree(ids, 256), false, "the template has it again");
  targetIds.retire(1, entry, accepted(256, "b", 65535));
  ids.take(1, 256, "a");
  targetIds.retire(1, entry, accepted(256, "b", 65535));
  assert.equal(isFree(ids, 256), false, "it is reserved");
  ids.release(1, 256);
  assert.equal(isFree(ids, 256), true, "once");
});

Deno.test("64 ids stay reserved: then the oldest is given back", () => {
  const entries = Array.from({ length: 65 }, (_, index) => accepted(256 + index, "a"));
  const { ids, targetIds } = open(...entries);
  for (const entry of entries) targetIds.retire(1, entry, accepted(entry.source.id, "b", 65535));
  assert.deepEqual([256, 257, 320].map((id) => isFree(ids, id)), [true, false, false]);
});

Deno.test("in another epoch all ids are taken, or none where one would be another", () => {
  const { targetIds } = open(accepted(256, "a"), accepted(257, "b", 65535));
  const taken = new TemplateIdSpace();
  taken.take(1, 257, "c");
  assert.equal(targetIds.takeAgain(taken, false), true);
  assert.equal(isFree(taken, 256), true, "that was only asked");
  assert.equal(targetIds.takeAgain(taken, true), true);
  assert.deepEqual([isFree(taken, 256), isFree(taken, 65535)], [false, false]);

  const free = new TemplateIdSpace();
  assert.equal(targetIds.takeAgain(free, true), false, "257 could have its own now");
  assert.deepEqual([isFree(free, 256), isFree(free, 257)], [true, true]);
});
