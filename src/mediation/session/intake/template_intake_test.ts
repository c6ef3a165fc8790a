import assert from "node:assert/strict";
import type { Template } from "../../../ipfix/record/template.ts";
import { GO_IPFIX_LEGACY } from "../../mapping/profile/dialect.ts";
import type { MediationEvent } from "../../templates/event.ts";
import type { Plugin } from "../../mapping/plugin.ts";
import { memoryLongs } from "../../program/loop/memory.ts";
import type { SessionFacts } from "../session_rewriter.ts";
import { Fingerprints } from "../shared/fingerprints.ts";
import { TemplateIntake } from "./template_intake.ts";
import type { AcceptedTemplate, TemplateEntry } from "../../templates/template_entry.ts";
import {
  constant,
  element,
  field,
  GO_IPFIX,
  profileOf,
  RFC7011,
  sharedState,
  targetOf,
  template,
} from "../../../../test/support/mediation.ts";
import type { Peer, Treatment } from "../../mapping/chain/treatment.ts";

const source = template(256, ["sourceTransportPort", "octetDeltaCount"]);

function treatmentOf(dialect = RFC7011, ...rewrites: Plugin["rewrite"][]): Treatment {
  return {
    profile: profileOf(dialect),
    plugins: rewrites.map((rewrite, index) => ({ name: `plugin ${index}`, rewrite })),
  };
}

function intakeOf(
  treatment: Treatment,
  { facts = {}, maxMessageLength = 65535, shared = sharedState(treatment) }: {
    facts?: Partial<SessionFacts>;
    maxMessageLength?: number;
    shared?: ReturnType<typeof sharedState>;
  } = {},
) {
  const events: MediationEvent[] = [];
  const intake = new TemplateIntake(shared, { reliable: true, ...facts }, targetOf(shared, maxMessageLength), {
    notify: (event) => void events.push(event),
  });
  return { intake, events, shared };
}

function accepted(entry: TemplateEntry): AcceptedTemplate {
  assert.ok(entry.kind === "accepted", entry.kind === "refused" ? entry.message : "");
  return entry;
}

const strip: Plugin["rewrite"] = (mapping) => ({ ...mapping, fields: mapping.fields.slice(1) });
const fail: Plugin["rewrite"] = () => {
  throw new Error("no such luck");
};

Deno.test("a template that needs no change is taken as it is, under its own id", () => {
  const entry = accepted(intakeOf(treatmentOf()).intake.take(source, 1, undefined));
  assert.equal(entry.shared.identity, true);
  assert.equal(entry.shared.targetId, 256);
  assert.deepEqual(entry.shared.announcement, Uint8Array.of(1, 0, 0, 2, 0, 7, 0, 2, 0, 1, 0, 8));
});

Deno.test("a template that a plugin changes is announced as it then is", () => {
  const entry = accepted(intakeOf(treatmentOf(RFC7011, strip)).intake.take(source, 1, undefined));
  assert.equal(entry.shared.identity, false);
  assert.deepEqual(entry.shared.announcement, Uint8Array.of(1, 0, 0, 1, 0, 1, 0, 8));
});

const ALL_STRIPPED: Plugin["rewrite"] = (mapping) => ({ ...mapping, fields: [] });
const empty = field("interfaceName", 0);
const REFUSALS: readonly [string, Template, Treatment, number, string][] = [
  ["no record of which has octets", template(256, [empty, empty]), treatmentOf(), 65535, "template_refused"],
  [
    "with scope, where the dialect has none",
    template(256, source.fields, 1),
    treatmentOf(GO_IPFIX),
    65535,
    "options_template",
  ],
  ["of which nothing is left", source, treatmentOf(RFC7011, ALL_STRIPPED), 65535, "everything_stripped"],
  [
    "of which no octets are left",
    template(256, ["octetDeltaCount", empty]),
    treatmentOf(RFC7011, strip),
    65535,
    "everything_stripped",
  ],
  ["that is longer than a message", source, treatmentOf(), 31, "template_too_long"],
  ["at which a plugin fails", source, treatmentOf(RFC7011, fail), 65535, "mapping_failed"],
];

for (const [what, refused, treatment, maxMessageLength, reason] of REFUSALS) {
  Deno.test(`a template ${what} is refused: ${reason}`, () => {
    const { intake, events } = intakeOf(treatment, { maxMessageLength });
    const entry = intake.take(refused, 1, undefined);
    assert.equal(entry.kind === "refused" && entry.reason, reason);
    const told = events.filter(({ event }) => event === "template_refused");
    assert.deepEqual(told.map((event) => "reason" in event && event.reason), [reason], "told once");
  });
}

Deno.test("a template that just fits the longest message is accepted", () => {
  accepted(intakeOf(treatmentOf(), { maxMessageLength: 32 }).intake.take(source, 1, undefined));
});

Deno.test("a plugin that fails is named, and the last good mapping of the same template goes on", () => {
  let broken = false;
  const { intake, events } = intakeOf(
    treatmentOf(RFC7011, (mapping, context) => (broken ? fail : strip)(mapping, context)),
  );
  const before = accepted(intake.take(source, 1, undefined));
  broken = true;
  // A plugin gives the same answer for the same question; this one changes its mind.
  intake.shared.compiled.memo.clear();
  const after = accepted(intake.take(source, 1, before));
  assert.deepEqual(after.shared.announcement, before.shared.announcement);
  assert.deepEqual(events.map((event) => event.event === "plugin_failed" && [event.plugin, event.message]), [
    ["plugin 0", "no such luck"],
  ]);
  const another = intake.take(template(256, ["sourceTransportPort"]), 1, before);
  assert.equal(another.kind, "refused", "another layout has no mapping to fall back to");
});

Deno.test("the treatment is chosen by what is known: address, certificate, domain, and the release that the template shows", () => {
  const seen: Peer[] = [];
  const treatment = treatmentOf();
  const shared = { ...sharedState(treatment), chooseTreatment: (peer: Peer) => (seen.push(peer), treatment) };
  shared.detectRelease = ({ id }) => id === 256 ? "antrea/v2.0" : undefined;
  intakeOf(treatment, { shared, facts: { address: "192.0.2.1", certificateName: "agent" } }).intake.take(
    source,
    7,
    undefined,
  );
  intakeOf(treatment, { shared }).intake.take({ ...source, id: 257 }, 8, undefined);
  assert.deepEqual(seen, [
    { address: "192.0.2.1", certificateName: "agent", observationDomain: 7, detectedProfile: "antrea/v2.0" },
    { observationDomain: 8 },
  ]);
});

Deno.test("sessions share a program where it is the same, but not where it contains a fact of the session", () => {
  const treatment = treatmentOf(RFC7011, strip);
  const shared = sharedState(treatment);
  const take = (address: string, domain: number, by = shared) =>
    accepted(intakeOf(treatment, { shared: by, facts: { address } }).intake.take(source, domain, undefined)).shared
      .compiled;
  assert.equal(take("192.0.2.1", 1), take("192.0.2.2", 2));

  const annotated = treatmentOf(RFC7011, (mapping) => ({
    ...mapping,
    fields: [...mapping.fields, {
      target: field("sourceIPv4Address"),
      value: { from: "session", fact: "exporterIPv4Address" },
    }],
  }));
  const own = sharedState(annotated);
  const annotate = (address: string, domain: number) =>
    accepted(intakeOf(annotated, { shared: own, facts: { address } }).intake.take(source, domain, undefined)).shared
      .compiled;
  assert.equal(annotate("192.0.2.1", 1), annotate("192.0.2.1", 1));
  assert.notEqual(annotate("192.0.2.1", 1), annotate("192.0.2.2", 1));
  assert.notEqual(annotate("192.0.2.1", 1), annotate("192.0.2.1", 2));
});

Deno.test("mappings that differ in one thing have programs of their own", () => {
  const pad = (octet: number): Plugin["rewrite"] => (mapping) => ({
    ...mapping,
    fields: [...mapping.fields, constant("protocolIdentifier", octet)],
  });
  const shared = sharedState(treatmentOf());
  const programs = [
    treatmentOf(),
    treatmentOf(RFC7011, pad(1)),
    treatmentOf(RFC7011, pad(2)),
    treatmentOf(RFC7011, strip),
  ]
    .map((treatment) => {
      // With one fingerprint for all treatments, the mapping alone tells them apart.
      const fingerprints = new Fingerprints();
      fingerprints.treatment = () => 1;
      shared.compiled.memo.clear();
      const { intake } = intakeOf(treatment, {
        shared: { ...shared, chooseTreatment: () => treatment, fingerprints },
      });
      return accepted(intake.take(source, 1, undefined)).shared.compiled.address;
    });
  assert.equal(new Set(programs).size, 4);
});

Deno.test("where sessions share ids, another layout gets another id, and a refused template keeps none", () => {
  const treatment = treatmentOf(GO_IPFIX_LEGACY);
  const { intake, shared } = intakeOf(treatment);
  const first = accepted(intake.take(source, 1, undefined));
  const second = accepted(intake.take(template(256, ["octetDeltaCount"]), 1, undefined));
  assert.deepEqual([first.shared.targetId, second.shared.targetId], [256, 65535]);
  assert.equal(second.shared.identity, false, "the same fields under another id are another template record");
  intakeOf(treatment, { shared, maxMessageLength: 31 }).intake.take(
    template(300, ["sourceTransportPort", "octetDeltaCount"]),
    1,
    undefined,
  );
  assert.equal(shared.ids.take(1, 300, "any layout"), 300);
});

Deno.test("an id that was given back is held again for the same entry, unless another layout has it by then", () => {
  const { intake, shared } = intakeOf(treatmentOf(GO_IPFIX_LEGACY));
  const entry = accepted(intake.take(source, 1, undefined));
  intake.releaseId(entry, 1);
  assert.equal(intake.holdId(entry, 1), true);
  intake.releaseId(entry, 1);
  shared.ids.take(1, 256, "another layout");
  assert.equal(intake.holdId(entry, 1), false);
});

Deno.test("an entry's counters begin at 0 though their memory was another's", () => {
  const { intake } = intakeOf(treatmentOf(RFC7011, strip));
  const first = accepted(intake.take(source, 1, undefined));
  memoryLongs[first.counters >>> 3] = 5n;
  memoryLongs[(first.counters >>> 3) + 1] = 6n;
  intake.discard(first);
  const second = accepted(intake.take(source, 1, undefined));
  assert.equal(second.counters, first.counters);
  assert.deepEqual([memoryLongs[second.counters >>> 3], memoryLongs[(second.counters >>> 3) + 1]], [0n, 0n]);
});

Deno.test("records that name templates or positions of fields are known by their elements", () => {
  const named = template(256, [
    { element: { ...element("sourceTransportPort"), id: 145 }, length: 2 },
    "octetDeltaCount",
  ]);
  const { intake } = intakeOf(treatmentOf());
  assert.equal(accepted(intake.take(named, 1, undefined)).shared.references, true);
  assert.equal(accepted(intake.take(source, 1, undefined)).shared.references, false);
});
