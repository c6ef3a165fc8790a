/** Real Agents of every release, a real collector of another, the proxy in between: everything arrives as it should. */
import assert from "node:assert/strict";
import { measureAggregation } from "./peers/aggregator.ts";
import { readCompatibility } from "./measure/compatibility.ts";
import { issueIdentities } from "./peers/identities.ts";
import { interopTest } from "./interop_test_case.ts";
import { type FleetOptions, measureFleet } from "./measure/measure_fleet.ts";
import { throughProxy } from "./proxy.ts";
import { agentLines, collectorLines, positionalUpgrades } from "./peers/releases.ts";

Deno.test("the recorded table through the proxy holds: every pair, every record, in the collector's own order", async () => {
  const { direct, proxied } = await readCompatibility();
  const pairs = ({ agent, collector, scenario }: typeof proxied[number]) => `${agent} → ${collector}, ${scenario}`;
  assert.deepEqual(proxied.map(pairs), direct.map(pairs));
  for (const pair of proxied) {
    const { sent, delivered, exact, correct, closed, panic } = pair;
    const expected = { delivered: sent, exact: sent, correct: sent, closed: false, panic: null };
    assert.deepEqual({ delivered, exact, correct, closed, panic }, expected, pairs(pair));
  }
});

async function everythingArrives(options: FleetOptions): Promise<void> {
  const { records } = options;
  const right = { delivered: records, exact: records, correct: records, closed: false };
  const expected = { agents: agentLines.map(({ name }) => ({ agent: name, ...right })), panic: null };
  for (const collector of collectorLines) {
    assert.deepEqual(await measureFleet(collector, agentLines, options), expected, `to ${collector.name}`);
  }
}

interopTest(
  "through the proxy: one node's Agent replaced by each release in turn, extreme values",
  () => everythingArrives({ order: "in turn", records: 20, flavour: "extreme", via: throughProxy() }),
);

interopTest(
  "through the proxy: Agents of all releases at once, extreme values",
  () => everythingArrives({ order: "at once", records: 20, flavour: "extreme", via: throughProxy() }),
);

interopTest("through the proxy, over mutual tls: Agents of all releases at once", async () => {
  await using identities = await issueIdentities();
  const via = throughProxy({ transport: "tls", identity: identities.proxy });
  await everythingArrives({ order: "at once", records: 10, flavour: "extreme", transport: "tls", identities, via });
});

interopTest("through the proxy, over udp: Agents of all releases at once", () => {
  const via = throughProxy({ transport: "udp" });
  return everythingArrives({ order: "at once", records: 10, flavour: "short", transport: "udp", via });
});

interopTest(
  "through the proxy, records of older Agents come out of a Flow Aggregator with its own fields",
  async () => {
    const records = 10;
    for (const { agent, aggregator } of positionalUpgrades) {
      const pair = { agent, collector: aggregator };
      const result = await measureAggregation(pair, { records, flavour: "extreme", via: throughProxy() });
      assert.deepEqual(result, { delivered: records, exact: records, correct: records, errors: [] }, aggregator.name);
    }
  },
);
