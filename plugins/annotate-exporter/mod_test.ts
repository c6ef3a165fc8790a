import assert from "node:assert/strict";
import fc from "fast-check";
import { identity, isIdentity, type Profile } from "@ipfix-skew-proxy/proxy/plugin";
import { targetTemplate } from "@ipfix-skew-proxy/proxy/plugin/testing";
import {
  ANY_COLLECTOR,
  anyOptionsTemplate,
  anyTemplate,
  contextOf,
  element,
  field,
  frozen,
  names,
  OLD_COLLECTOR,
  registry,
  template,
} from "../../test/support/plugin_context.ts";
import annotateExporter from "./mod.ts";

const plugin = annotateExporter.create({}, ANY_COLLECTOR);
const added = (profile: Profile, source = template(["octetDeltaCount"]), family: 4 | 6 | undefined = 4) =>
  plugin.rewrite(frozen(identity(source)), contextOf(profile, source, family)).fields.slice(source.fields.length);

Deno.test("annotate-exporter: the address of the exporter's family and the observation domain, as facts of the session", () => {
  assert.deepEqual(added(ANY_COLLECTOR), [
    {
      target: field("originalExporterIPv4Address"),
      value: { from: "session", fact: "exporterIPv4Address" },
      by: "annotate-exporter",
    },
    {
      target: field("originalObservationDomainId"),
      value: { from: "session", fact: "observationDomainId" },
      by: "annotate-exporter",
    },
  ]);
  const six = added(ANY_COLLECTOR, undefined, 6);
  assert.deepEqual(six.map(({ value }) => value), [
    { from: "session", fact: "exporterIPv6Address" },
    { from: "session", fact: "observationDomainId" },
  ]);
  const source = template(["octetDeltaCount"]);
  const { exporterFamily: _, ...context } = contextOf(ANY_COLLECTOR, source);
  const offline = plugin.rewrite(identity(source), { ...context, exporterFamily: undefined });
  assert.deepEqual(names(offline), ["octetDeltaCount", "originalObservationDomainId"]);
});

Deno.test("annotate-exporter: what came in is never altered nor added again", () => {
  const source = template(["originalObservationDomainId", "octetDeltaCount", "originalExporterIPv4Address"]);
  const mapping = identity(source);
  assert.equal(plugin.rewrite(mapping, contextOf(ANY_COLLECTOR, source)), mapping);
  const stripped = { source, fields: mapping.fields.slice(1, 2) };
  assert.equal(plugin.rewrite(stripped, contextOf(ANY_COLLECTOR, source)), stripped);

  const plain = template(["octetDeltaCount"]);
  const once = plugin.rewrite(identity(plain), contextOf(ANY_COLLECTOR, plain));
  assert.equal(plugin.rewrite(once, contextOf(ANY_COLLECTOR, plain)), once, "twice in a chain");
});

Deno.test("annotate-exporter: nothing beyond the list that a collector expects", () => {
  const source = template(["sourceIPv4Address"]);
  assert.deepEqual(added(OLD_COLLECTOR, source), []);
  const withDomain = {
    ...OLD_COLLECTOR,
    templates: OLD_COLLECTOR.templates.map((each) => ({
      ...each,
      fields: [...each.fields, field("originalObservationDomainId")],
    })),
  };
  assert.deepEqual(added(withDomain, source).map(({ target }) => target), [field("originalObservationDomainId")]);
});

Deno.test("annotate-exporter: nothing that the collector's registry lacks or has as another type", () => {
  const odd = { ...element("originalObservationDomainId"), type: "unsigned64", length: 8 } as const;
  assert.deepEqual(added({ ...ANY_COLLECTOR, registry: registry(odd) }), []);
});

Deno.test("annotate-exporter: source fields untouched, options templates whole, a second time adds nothing", () => {
  fc.assert(fc.property(anyTemplate, fc.constantFrom(ANY_COLLECTOR, OLD_COLLECTOR), (source, profile) => {
    const context = contextOf(profile, source);
    const mapping = plugin.rewrite(frozen(identity(source)), context);
    assert.deepEqual(mapping.fields.slice(0, source.fields.length), identity(source).fields);
    assert.ok(isIdentity(plugin.rewrite(identity(targetTemplate(mapping, 256)), context)));
  }));
  fc.assert(fc.property(anyOptionsTemplate, (source) => {
    assert.ok(isIdentity(plugin.rewrite(identity(source), contextOf(ANY_COLLECTOR, source))));
  }));
});
