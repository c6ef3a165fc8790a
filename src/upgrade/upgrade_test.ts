import assert from "node:assert/strict";
import { runbook } from "./runbook.ts";
import { runbookMarkdown } from "./runbook_text.ts";
import { planUpgrade } from "./upgrade.ts";

Deno.test("a proxy is needed where the pair in between breaks, and only there", () => {
  const needed = (from: string, to: string, order: "agents-first" | "aggregator-first") =>
    planUpgrade(from, to, order).needed;
  assert.ok(needed("v1.15", "v2.0", "agents-first"));
  assert.ok(needed("v1.15", "v2.0", "aggregator-first"), "v2.0 decodes v1.15's records and exports none");
  assert.ok(needed("v2.3", "v2.7", "agents-first"));
  assert.ok(!needed("v2.0", "v2.2", "agents-first"), "the same templates");
  assert.ok(needed("v2.3", "v2.4", "agents-first"), "the same templates, but by gRPC");
  assert.ok(!needed("v2.3", "v2.4", "aggregator-first"), "it takes IPFIX as well");
  assert.ok(!needed("v2.4", "v2.7", "agents-first"), "taken by name");
  assert.ok(!needed("v2.2", "v2.6", "aggregator-first"), "taken by name");
});

Deno.test("the trust of each end is its release's, and the overlay restarts no Aggregator that forgets its CA", () => {
  const upgrade = (from: string, to: string) => {
    const { trust, overlay } = planUpgrade(from, to, "agents-first");
    return [...trust, overlay];
  };
  assert.deepEqual(upgrade("v1.15", "v2.0"), ["append-ca", "append-ca", "gateway"]);
  assert.deepEqual(upgrade("v2.3", "v2.7"), ["append-ca", "mint", "gateway"]);
  assert.deepEqual(upgrade("v2.5.0", "v2.5.1"), ["append-ca", "mint", "sidecar"]);
  assert.deepEqual(upgrade("v2.6", "v2.7"), ["mint", "mint", "sidecar"]);
});

Deno.test("gRPC, destinations, record kinds, one proxy: each from its release on", () => {
  const facts = (from: string, to: string, order: "agents-first" | "aggregator-first" = "agents-first") => {
    const { servesGrpc, hasDestinations, newRecordKinds, oneProxy } = planUpgrade(from, to, order);
    return { servesGrpc, hasDestinations, newRecordKinds, oneProxy };
  };
  const none = { servesGrpc: false, hasDestinations: false, newRecordKinds: false, oneProxy: false };
  assert.deepEqual(facts("v2.2", "v2.3"), { ...none, oneProxy: true });
  assert.deepEqual(facts("v2.3", "v2.4"), { ...none, servesGrpc: true });
  assert.deepEqual(facts("v2.3", "v2.4", "aggregator-first"), none);
  assert.deepEqual(facts("v2.5", "v2.6"), { ...none, hasDestinations: true });
  assert.deepEqual(facts("v2.6", "v2.7"), { ...none, hasDestinations: true, newRecordKinds: true });
  assert.deepEqual(facts("v2.6", "v2.7", "aggregator-first"), { ...none, hasDestinations: true });
});

Deno.test("an upgrade that Antrea does not support is refused with a supported way, unless forced", () => {
  assert.throws(
    () => planUpgrade("v1.15", "v2.4", "agents-first"),
    /5 minor releases apart.* upgrade by way of v2\.3\.2/,
  );
  assert.equal(planUpgrade("v1.15", "v2.4", "agents-first", true).distance, 5);
  assert.equal(planUpgrade("1.15", "antrea/v2.3", "agents-first").distance, 4);
  assert.throws(() => planUpgrade("v2.0", "v1.15", "agents-first"), /is not an upgrade/);
  assert.throws(() => planUpgrade("v2.0", "v2.0.1", "agents-first"), /is not an upgrade/);
  assert.throws(() => planUpgrade("v1.51", "v2.0", "agents-first"), /"v1\.51" is not an Antrea release, did you mean/);
});

Deno.test("a release newer than any known is treated as the newest, which the runbook says", () => {
  const upgrade = planUpgrade("v2.7", "v2.8", "agents-first");
  assert.deepEqual(upgrade.assumed, [{ release: "v2.8.0", as: "v2.7.0", isMajor: false }]);
  assert.deepEqual([upgrade.distance, upgrade.needed, upgrade.trust], [1, false, ["mint", "mint"]]);
  assert.match(runbookMarkdown(runbook(upgrade)), /v2\.8\.0 is newer than every release.*treated as v2\.7\.0/);
  const old = planUpgrade("v2.3", "v2.8.2", "agents-first", true);
  assert.deepEqual([old.distance, old.needed, old.servesGrpc], [5, true, true]);
  assert.throws(
    () => planUpgrade("v2.3", "v2.8", "agents-first"),
    /5 minor releases apart.* upgrade by way of v2\.7\.0/,
  );
  assert.throws(() => planUpgrade("v2.9", "v2.8", "agents-first"), /is not an upgrade/);
});

Deno.test("so is one of a new major version, for which the proxy needs a profile by name", () => {
  const upgrade = planUpgrade("v2.3", "v3.0", "agents-first", true);
  assert.deepEqual(upgrade.assumed, [{ release: "v3.0.0", as: "v2.7.0", isMajor: true }]);
  assert.deepEqual([upgrade.distance, upgrade.needed, upgrade.trust], [5, true, ["append-ca", "mint"]]);
  assert.match(
    runbookMarkdown(runbook(upgrade)),
    /v3\.0\.0 is newer than every release.*treated as v2\.7\.0\. .*fallbackProfile antrea\/v2\.7 /,
  );
  assert.equal(planUpgrade("v2.7", "v3.0", "agents-first").distance, 1);
  assert.equal(planUpgrade("v3.0", "v3.1", "aggregator-first").needed, false);
  assert.throws(() => planUpgrade("v3.1", "v3.0", "agents-first"), /is not an upgrade/);
  assert.throws(() => planUpgrade("v2.8", "v4.4", "agents-first"), /minor releases apart/);
});

Deno.test("the plan says why it is a gateway, and a sidecar can be chosen, with gRPC where that is needed", () => {
  const text = (from: string, to: string, overlay?: "sidecar") =>
    runbookMarkdown(runbook(planUpgrade(from, to, "agents-first", false, overlay)));
  assert.match(
    text("v1.15", "v2.0"),
    /Overlay: gateway: it restarts no Aggregator, and at a restart an Aggregator v1\.15 forgets its flows and makes a new CA/,
  );
  const chosen = text("v1.15", "v2.0", "sidecar");
  assert.match(chosen, /Overlay: sidecar: it restarts the Aggregator when it goes in and when it goes out/);
  assert.match(chosen, /## 2\. Put the proxy in \(sidecar\)/);
  assert.match(chosen, /- \.\.\/redirect \|/);
  assert.doesNotMatch(chosen, /redirect-gateway|redirect-grpc|deployment\/ipfix-skew-proxy/);
  assert.match(text("v2.3", "v2.7", "sidecar"), /- \.\.\/redirect-grpc \|/);
});

Deno.test("the runbook of new Agents' gRPC pins nobody, and says how it goes without", () => {
  const text = (from: string, to: string, order: "agents-first" | "aggregator-first") =>
    runbookMarkdown(runbook(planUpgrade(from, to, order)));
  const lossless = text("v2.3", "v2.4", "agents-first");
  assert.match(lossless, /no Agent needs to be pinned/);
  assert.match(lossless, /Without a proxy, pin the Agents to IPFIX until the Aggregator is v2\.4/);
  assert.match(lossless, /- \.\.\/redirect-gateway /);
  assert.doesNotMatch(lossless, /FlowExporterDestination|## .*[Pp]in/);
  const broken = text("v2.3", "v2.7", "agents-first");
  assert.doesNotMatch(broken, /Without a proxy/);
  assert.match(broken, /FlowExporterDestination .* there is no node selector/);
  assert.match(
    text("v2.3", "v2.4", "aggregator-first"),
    /takes the IPFIX of Agents v2\.3 .*collector\.transport: grpc/,
  );
  assert.doesNotMatch(text("v2.4", "v2.7", "aggregator-first"), /collector\.transport/);
});

Deno.test("status is asked of a Pod that runs: behind a sidecar's restart through a port-forward of its own", () => {
  const forwards = (overlay: "sidecar" | "gateway") =>
    runbook(planUpgrade("v1.15", "v2.0", "agents-first", false, overlay)).steps.map(({ commands }) => {
      const at = commands.findIndex((line) => line.startsWith("kubectl") && line.includes("port-forward"));
      const [rollout, status] = ["rollout status", "deno task status"].map((part) =>
        commands.findIndex((line) => line.includes(part))
      );
      if (at >= 0) assert.ok((rollout ?? 0) < at && at < (status ?? 0), commands.join("\n"));
      return at >= 0;
    });
  assert.deepEqual(forwards("gateway"), [false, true, false, false, false, false, false]);
  assert.deepEqual(forwards("sidecar"), [false, true, false, false, true, false, false]);
});

Deno.test("where the proxy's image is stands before the first apply", () => {
  const [first] = runbook(planUpgrade("v1.15", "v2.0", "agents-first")).steps;
  assert.match(first?.look.join("\n") ?? "", /under images where the cluster finds the proxy's image/);
});

Deno.test("Agents keep their sessions over the Aggregator's upgrade with a gateway, and not with a sidecar", () => {
  const look = (overlay: "sidecar" | "gateway") =>
    runbook(planUpgrade("v1.15", "v2.0", "agents-first", false, overlay)).steps
      .find(({ title }) => title.startsWith("Upgrade the Flow Aggregator"))?.look.join("\n") ?? "";
  assert.match(look("gateway"), /a new epoch with profile antrea\/v2\.0\nAgents keep their sessions/);
  assert.match(look("sidecar"), /profile antrea\/v2\.0\nthe sidecar has restarted.* Agents connect to it again/);
  assert.doesNotMatch(look("sidecar"), /keep their sessions/);
});
