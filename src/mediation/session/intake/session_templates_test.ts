import assert from "node:assert/strict";
import type { Template } from "../../../ipfix/record/template.ts";
import { Counters } from "../../templates/counters.ts";
import { GO_IPFIX_LEGACY } from "../../mapping/profile/dialect.ts";
import type { MediationEvent } from "../../templates/event.ts";
import { withoutMemory } from "../../../../test/support/loop_memory.ts";
import { allocate, memoryLongs, release, usedOctets } from "../../program/loop/memory.ts";
import { Routes } from "../../program/loop/routes.ts";
import { complete } from "../../mapping/chain/steps.ts";
import { SessionTemplates } from "./session_templates.ts";
import { TemplateIntake } from "./template_intake.ts";
import type { AcceptedTemplate, TemplateEntry } from "../../templates/template_entry.ts";
import { announced, profileOf, RFC7011, sharedState, template } from "../../../../test/support/mediation.ts";

function sessionOf(shared: ReturnType<typeof sharedState>) {
  const events: MediationEvent[] = [];
  const notify = (event: MediationEvent) => void events.push(event);
  const target = {
    chooseTreatment: shared.chooseTreatment,
    maxMessageLength: 65535,
    ids: shared.ids,
    announcers: shared.announcers,
    decidedBy: undefined,
  };
  const intake = new TemplateIntake(shared, { reliable: true }, target, { notify });
  const counters = new Counters();
  const templates = new SessionTemplates(shared, intake, new Routes(65535), counters, { notify });
  /** As a message does that stands and is written. */
  const stand = () => {
    templates.undoLog.commit();
    templates.undoLog.finish();
  };
  return { templates, events, counters, stand };
}

function open(dialect = RFC7011) {
  const shared = sharedState({ profile: profileOf(dialect), plugins: [] });
  return { shared, ...sessionOf(shared) };
}

const refusedBy = (limit: string) => `limits.${limit} is used up: a template of 1 field is refused`;

/** A template of so many fields. */
const wide = (fields: number, id = 256): Template => template(id, Array(fields).fill("protocolIdentifier"));

function accepted(entry: TemplateEntry | string | undefined): AcceptedTemplate {
  assert.ok(typeof entry === "object" && entry.kind === "accepted");
  return entry;
}

Deno.test("an identical template that comes again keeps its entry: nothing is mapped, reported or counted", () => {
  const { templates, events, counters, stand } = open();
  const first = complete(templates.learn(1, announced(wide(2))));
  stand();
  assert.equal(complete(templates.learn(1, announced(wide(2)))), first);
  assert.notEqual(complete(templates.learn(2, announced(wide(2)))), first, "another domain's is another template");
  stand();
  assert.equal(events.length, 2);
  assert.deepEqual([...counters.templates], [["identity", 2]]);
});

Deno.test("a redefinition replaces, and is counted as both", () => {
  const { templates, events, counters, stand } = open();
  complete(templates.learn(1, announced(wide(2))));
  const second = complete(templates.learn(1, announced(wide(3))));
  stand();
  assert.equal(templates.find(1, 256), second);
  assert.deepEqual([...counters.templates], [["identity", 2], ["replaced", 1]]);
  assert.deepEqual(events.map((event) => "replaced" in event && event.replaced), [false, true]);
});

Deno.test("a scope makes another template of the same fields", () => {
  const { templates } = open();
  const first = complete(templates.learn(1, announced(wide(2))));
  assert.notEqual(complete(templates.learn(1, announced({ ...wide(2), scopeFieldCount: 1 }))), first);
});

Deno.test("what a broken message added, replaced and withdrew is as it was before, and was never counted", () => {
  const { templates, shared, counters, stand } = open(GO_IPFIX_LEGACY);
  const kept = accepted(complete(templates.learn(1, announced(wide(2)))));
  const gone = accepted(complete(templates.learn(1, announced(wide(1, 257)))));
  stand();
  const held = shared.templateMemory.used;
  complete(templates.learn(1, announced(wide(3))));
  complete(templates.learn(1, announced(wide(4))));
  templates.withdraw(1, 257);
  complete(templates.learn(2, announced(wide(1))));
  templates.undoLog.rollBack();
  assert.deepEqual([...templates.domains.keys()], [1]);
  assert.equal(templates.find(1, 256), kept);
  assert.equal(templates.find(1, 257), gone);
  assert.deepEqual([shared.templates, shared.templateMemory.used], [2, held]);
  assert.equal(shared.ids.take(1, 256, "another layout"), 65535, "its id is held");
  assert.equal(shared.ids.take(2, 256, "another layout"), 256, "the broken message's is not");
  assert.deepEqual([...counters.templates], [["identity", 2]]);
});

Deno.test("caps of the session, of its domains and of all sessions keep newcomers out; existing templates keep working", () => {
  const { templates, shared, stand } = open();
  const first = complete(templates.learn(1, announced(wide(1, 256))));
  complete(templates.learn(2, announced(wide(1, 256))));
  assert.equal(
    complete(templates.learn(3, announced(wide(1, 256)))),
    refusedBy("observationDomainsPerSession"),
    "a third domain",
  );
  assert.equal(templates.domains.has(3), false);
  complete(templates.learn(1, announced(wide(1, 257))));
  assert.equal(
    complete(templates.learn(1, announced(wide(1, 258)))),
    refusedBy("templatesPerSession"),
    "a fourth template",
  );
  assert.equal(complete(templates.learn(1, announced(wide(1, 256)))), first);
  assert.equal(
    accepted(complete(templates.learn(1, announced(wide(2, 256))))).source.fields.length,
    2,
    "a redefinition takes no place",
  );

  const other = sessionOf(shared);
  complete(other.templates.learn(1, announced(wide(1, 256))));
  complete(other.templates.learn(1, announced(wide(1, 257))));
  assert.equal(
    complete(other.templates.learn(1, announced(wide(1, 258)))),
    refusedBy("templates"),
    "a sixth template of all sessions",
  );
  templates.withdraw(1, 257);
  stand();
  accepted(complete(other.templates.learn(1, announced(wide(1, 258)))));
});

Deno.test("a redefinition past the memory limit removes the template: its records are not read by the old one", () => {
  const { templates, shared, counters, stand } = open();
  complete(templates.learn(1, announced(wide(30))));
  complete(templates.learn(1, announced(wide(31, 257))));
  stand();
  const both = shared.templateMemory.used;
  assert.equal(
    complete(templates.learn(1, announced(wide(120)))),
    "limits.templateMemory is used up: a template of 120 fields is refused",
  );
  stand();
  assert.equal(templates.find(1, 256), undefined);
  assert.ok(shared.templateMemory.used < both);
  assert.equal(counters.templates.get("refused"), 1);
  accepted(complete(templates.learn(1, announced(wide(30)))));
});

Deno.test("where the loop's memory is used up, a template of a new domain is refused, and nothing of it is kept", () => {
  const { templates, shared, counters, stand } = open(GO_IPFIX_LEGACY);
  accepted(complete(templates.learn(1, announced(wide(2)))));
  stand();
  const spare = allocate(64);
  withoutMemory(() => {
    release(spare, 64);
    const before = [usedOctets(), shared.templates, shared.templateMemory.used];
    // Its program is shared, and there is memory for its counters, but not for its domain.
    assert.match(String(complete(templates.learn(2, announced(wide(2))))), /is used up/);
    stand();
    assert.deepEqual([usedOctets(), shared.templates, shared.templateMemory.used], before);
    assert.deepEqual([...templates.domains.keys()], [1]);
    assert.equal(shared.ids.take(2, 256, "another layout"), 256, "its id is free");
  });
  assert.equal(counters.templates.get("refused"), 1);
  accepted(complete(templates.learn(2, announced(wide(2)))));
});

Deno.test("what the loop counted comes into the counters once, also of a template that is gone", () => {
  const { templates, counters, stand } = open();
  const entry = accepted(complete(templates.learn(1, announced(wide(2)))));
  stand();
  memoryLongs[entry.counters >>> 3] = 7n;
  templates.fold();
  templates.fold();
  assert.equal(entry.records, 7);
  memoryLongs[entry.counters >>> 3] = 2n;
  templates.withdraw(1, 256);
  stand();
  assert.equal(entry.records, 9);
  assert.equal(counters.fieldsStripped.size, 0, "nothing was stripped of it");
});

Deno.test("a domain's gaps are counted once", () => {
  const { templates, counters } = open();
  complete(templates.learn(1, announced(wide(2))));
  const sequence = templates.domains.get(1)?.sequence;
  sequence?.follow(0, 1);
  sequence?.follow(9, 1);
  templates.fold();
  templates.fold();
  assert.equal(counters.sequenceGaps, 1);
});

Deno.test("a closed session whose counters are read again is charged for nothing", () => {
  const { templates, counters, shared, stand } = open();
  accepted(complete(templates.learn(1, announced(wide(2)))));
  stand();
  counters.fieldsStripped.add("unknown", 1);
  templates.fold();
  assert.ok(shared.templateMemory.used > 0);
  templates.close();
  templates.fold();
  assert.equal(shared.templateMemory.used, 0);
});

Deno.test("a session that closes gives back its templates, fields, ids and programs", () => {
  const { templates, shared, stand } = open(GO_IPFIX_LEGACY);
  const entry = accepted(complete(templates.learn(1, announced(wide(2)))));
  complete(templates.learn(2, announced(wide(3))));
  stand();
  templates.close();
  assert.deepEqual([shared.templates, shared.templateMemory.used], [0, 0]);
  assert.equal(shared.ids.take(1, 256, "another layout"), 256);
  assert.equal(shared.compiled.mapping(entry.shared.compiled.key, 256), undefined);
});

Deno.test("a withdrawn or replaced template is retired once nothing needs it, unless another one uses its id", () => {
  const { templates, stand } = open();
  complete(templates.learn(1, announced(wide(2))));
  complete(templates.learn(1, announced(wide(3))));
  complete(templates.learn(1, announced(wide(1, 257))));
  templates.withdraw(1, 257);
  templates.undoLog.commit();
  assert.deepEqual(templates.staleTargets, [], "its message is not written yet");
  stand();
  assert.deepEqual(templates.staleTargets, [{ observationDomain: 1, targetId: 257 }]);
});

Deno.test("withdrawing what is not there does nothing", () => {
  const { templates, events } = open();
  assert.equal(templates.withdraw(1, 256), undefined);
  complete(templates.learn(1, announced(wide(1))));
  assert.equal(templates.withdraw(1, 257), undefined);
  assert.equal(templates.withdraw(2, 256), undefined);
  assert.equal(events.length, 1);
});
