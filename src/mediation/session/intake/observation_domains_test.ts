import assert from "node:assert/strict";
import type { Route, Routes } from "../../program/loop/routes.ts";
import type { AcceptedTemplate, RefusedTemplate } from "../../templates/template_entry.ts";
import { template } from "../../../../test/support/mediation.ts";
import { isTargetId, ObservationDomains } from "./observation_domains.ts";

interface Kind {
  readonly identity?: boolean;
  readonly references?: boolean;
}

function accepted(id: number, targetId = id, { identity = true, references = false }: Kind = {}): AcceptedTemplate {
  const shared = { identity, references, targetId, compiled: { address: 8 } };
  return {
    kind: "accepted",
    source: template(id, ["protocolIdentifier"]),
    shared: shared as unknown as AcceptedTemplate["shared"],
    counters: 16,
    records: 0,
  };
}

function refused(id: number): RefusedTemplate {
  const source = template(id, ["protocolIdentifier"]);
  return { kind: "refused", source, reason: "mapping_failed", message: "", detectedProfile: undefined };
}

/** Domains whose routes are a map. */
function open(portOf?: () => number) {
  const routed = new Map<string, number>();
  const routes = {
    set: ({ observationDomain, template, targetTemplate }: Route) =>
      void routed.set(`${observationDomain}/${template}`, targetTemplate),
    delete: (observationDomain: number, template: number) => void routed.delete(`${observationDomain}/${template}`),
  };
  const facts = { reliable: true, ...(portOf === undefined ? {} : { portOf }) };
  const domains = new ObservationDomains(routes as unknown as Routes, facts);
  const add = (id: number) => domains.open(id) ?? assert.fail("no memory");
  return { domains, add, routed };
}

Deno.test("the rewrite loop has a route for each template whose records it can rewrite, until that is gone", () => {
  const { domains, add, routed } = open();
  const [one, other] = [add(1), add(2)];
  domains.put(one, 256, accepted(256));
  domains.put(one, 257, accepted(257, 65535));
  domains.put(other, 256, accepted(256));
  domains.put(other, 257, refused(257));
  assert.deepEqual([...routed], [["1/256", 256], ["1/257", 65535], ["2/256", 256]]);
  domains.put(one, 256, refused(256));
  domains.put(one, 257, accepted(257, 65535, { references: true }));
  assert.deepEqual([...routed.keys()], ["2/256"], "neither dropped records nor references are the loop's");
  domains.remove(other, 256);
  assert.equal(routed.size, 0);
});

Deno.test("templates are counted as changed while their data is dropped or rewritten", () => {
  const { domains, add } = open();
  const domain = add(1);
  domains.put(domain, 256, accepted(256));
  assert.equal(domains.changed, 0);
  domains.put(domain, 257, refused(257));
  domains.put(domain, 258, accepted(258, 258, { identity: false }));
  assert.equal(domains.changed, 2);
  domains.put(domain, 258, accepted(258));
  domains.remove(domain, 257);
  domains.remove(domain, 300);
  assert.equal(domains.changed, 0);
  domains.put(domain, 256, refused(256));
  domains.clear();
  assert.deepEqual([domains.changed, domains.byId.size], [0, 0]);
});

Deno.test("a target id is in use as long as any template of its domain has it", () => {
  const { domains, add } = open();
  const [domain, other] = [add(1), add(2)];
  domains.put(domain, 256, accepted(256));
  domains.put(domain, 257, accepted(257, 300));
  domains.put(domain, 258, accepted(258, 300));
  domains.put(domain, 259, refused(259));
  const inUse = () => [256, 257, 258, 259, 300].filter((id) => isTargetId(domain, id));
  assert.deepEqual(inUse(), [256, 300]);
  assert.equal(isTargetId(other, 256), false);
  domains.remove(domain, 257);
  assert.deepEqual(inUse(), [256, 300]);
  domains.put(domain, 258, accepted(258));
  assert.deepEqual(inUse(), [256, 258]);
});

Deno.test("a domain follows each port of its own where a session combines several", () => {
  assert.equal(open().add(1).ports, undefined);
  const { domains, add } = open(() => 4739);
  const domain = add(1);
  assert.notEqual(domain.ports, undefined);
  domains.close(domain);
  assert.equal(domains.byId.size, 0);
});
