import assert from "node:assert/strict";
import { loadProfile } from "../config/profiles/profiles.ts";
import { EmbeddedAggregator } from "./embedded_aggregator.ts";
import { rollingUpgrade, type Stage } from "./rolling_upgrade.ts";

async function direct(from: string, to: string, aggregatorRelease: string): Promise<Stage[]> {
  const aggregator = new EmbeddedAggregator(loadProfile(aggregatorRelease));
  try {
    return await Array.fromAsync(rollingUpgrade({
      from: loadProfile(from),
      to: loadProfile(to),
      aggregator,
      destination: aggregator.address,
      nodes: ["node-1", "node-2"],
      flows: 4,
    }));
  } finally {
    await aggregator.close();
  }
}

Deno.test("an old Aggregator dies of every Agent that was upgraded, and then gets nothing from it", async () => {
  const [before, one, two] = await direct("antrea/v1.15", "antrea/v2.0", "antrea/v1.15");
  assert.deepEqual(before?.tally, { sent: 8, arrived: 8, wrong: 0, lost: 0, deaths: 0 });
  assert.equal(one?.tally.deaths, 1);
  assert.equal(one?.tally.arrived, 4);
  assert.equal(one?.tally.lost, 4);
  assert.match(one?.complaints.join("\n") ?? "", /refused: .*elementID 157[^]*died: panic/);
  assert.deepEqual(two?.tally, { sent: 8, arrived: 0, wrong: 0, lost: 8, deaths: 1 });
});

Deno.test("a new Aggregator up to v2.2 cannot export what an old Agent sends", async () => {
  const [before, one, two] = await direct("antrea/v1.15", "antrea/v2.0", "antrea/v2.0");
  assert.deepEqual(before?.tally, { sent: 8, arrived: 8, wrong: 8, lost: 0, deaths: 0 });
  assert.match(before?.complaints.join("\n") ?? "", /field count of data \(41\) does not match .*\(42\)/);
  assert.equal(one?.tally.wrong, 4);
  assert.equal(two?.tally.wrong, 0);
});

Deno.test("from v2.4 on an Aggregator takes older Agents by name", async () => {
  const stages = await direct("antrea/v1.15", "antrea/v2.0", "antrea/v2.4");
  for (const { tally } of stages) assert.deepEqual(tally, { sent: 8, arrived: 8, wrong: 0, lost: 0, deaths: 0 });
});

Deno.test("the oldest Aggregators close the connection of an Agent whose template they refuse, and the rest goes on", async () => {
  const [, one] = await direct("antrea/v0.12", "antrea/v1.0", "antrea/v0.12");
  assert.equal(one?.tally.deaths, 0);
  assert.equal(one?.tally.arrived, 4);
  assert.equal(one?.tally.lost, 4);
});
