/** config/UPGRADES.md, walked with real peers: every record of every step is compared at the collector. */
import assert from "node:assert/strict";
import { issueIdentities } from "../peers/identities.ts";
import { interopTest } from "../interop_test_case.ts";
import type { Judgement } from "../measure/judge.ts";
import { Upgrade } from "./restarts.ts";

const all = (records: number): Judgement => ({ delivered: records, exact: records, correct: records });

async function gone(upgrade: Upgrade): Promise<void> {
  await upgrade.stop();
  await upgrade.until("the collector is away", ({ collector }) => collector.state === "away");
}

interopTest("Agents first: upgraded Agents, then the profile, then the Aggregator; and back", async () => {
  await using identities = await issueIdentities();
  await using upgrade = await Upgrade.start({ transport: "tcp", agent: "v1.15", collector: "v1.15", identities });
  await upgrade.send(10);
  assert.deepEqual(await upgrade.arrived(10), all(10));
  assert.equal((await upgrade.status()).skew.sessions, 0);
  // 1. The Agents.
  await upgrade.replaceAgent("v2.0");
  await upgrade.send(10);
  assert.deepEqual(await upgrade.arrived(20), all(20));
  assert.equal((await upgrade.status()).skew.sessions, 1);
  // 2. The profile: nothing changes for the old Aggregator.
  await upgrade.proxy.change("antrea/v2.0");
  await upgrade.send(10);
  assert.deepEqual(await upgrade.arrived(30), all(30));
  // Back from 2, and there again: what waits is forgotten.
  await upgrade.proxy.change("antrea/v1.15");
  assert.equal((await upgrade.status()).collector.nextProfile, null);
  await upgrade.proxy.change("antrea/v2.0");
  // 3. The Aggregator.
  await gone(upgrade);
  await upgrade.send(5);
  await upgrade.start("v2.0");
  await upgrade.send(5);
  assert.deepEqual(await upgrade.arrived(10), all(10));
  assert.equal((await upgrade.status()).skew.sessions, 0, "the proxy can go");
  // Back from 3: the profile first, then the old Aggregator.
  await upgrade.proxy.change("antrea/v1.15");
  await gone(upgrade);
  await upgrade.start("v1.15");
  await upgrade.send(10);
  assert.deepEqual(await upgrade.arrived(10), all(10));
  const { totals, skew } = await upgrade.status();
  assert.equal(skew.sessions, 1);
  assert.deepEqual(totals.records, { received: 50, sent: 50 });
});

interopTest("Aggregator first: the profile, the Aggregator, then the Agents; and back", async () => {
  await using identities = await issueIdentities();
  await using upgrade = await Upgrade.start({ transport: "tcp", agent: "v1.15", collector: "v1.15", identities });
  await upgrade.send(10);
  assert.deepEqual(await upgrade.arrived(10), all(10));
  // 1. The profile, then the Aggregator.
  await upgrade.proxy.change("antrea/v2.0");
  await upgrade.send(2);
  assert.deepEqual(await upgrade.arrived(12), all(12));
  await gone(upgrade);
  await upgrade.send(5);
  await upgrade.start("v2.0");
  await upgrade.send(5);
  assert.deepEqual(await upgrade.arrived(10), all(10));
  assert.equal((await upgrade.status()).skew.sessions, 1, "Agents of v1.15 lack a field");
  // Back from 1, and there again.
  await upgrade.proxy.change("antrea/v1.15");
  await gone(upgrade);
  await upgrade.start("v1.15");
  await upgrade.send(4);
  assert.deepEqual(await upgrade.arrived(4), all(4));
  assert.equal((await upgrade.status()).skew.sessions, 0);
  await upgrade.proxy.change("antrea/v2.0");
  await gone(upgrade);
  await upgrade.start("v2.0");
  // 2. The Agents.
  await upgrade.replaceAgent("v2.0");
  await upgrade.send(10);
  assert.deepEqual(await upgrade.arrived(10), all(10));
  await upgrade.until("the proxy can go", ({ skew }) => skew.sessions === 0);
});

interopTest("a v2.0 Aggregator that has seen a record with a field missing is restarted, and exports", async () => {
  // The collecting process has no such memory: what it must get is the whole list, before and after.
  await using identities = await issueIdentities();
  const parts = { transport: "tcp", agent: "v2.0", collector: "v2.0", profile: "antrea/v1.15", identities } as const;
  await using upgrade = await Upgrade.start(parts);
  await upgrade.send(4);
  const { delivered, exact } = await upgrade.arrived(4);
  assert.deepEqual([delivered, exact], [4, 0], "a field is missing from each");
  await upgrade.proxy.change("antrea/v2.0");
  await gone(upgrade);
  await upgrade.start("v2.0");
  await upgrade.send(10);
  assert.deepEqual(await upgrade.arrived(10), all(10));
});
