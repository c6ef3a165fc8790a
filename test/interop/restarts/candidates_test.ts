/**
 * Real collectors of each release, the proxy not told which one: what their own ends show, and what they cannot show.
 */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { issueIdentities } from "../peers/identities.ts";
import { interopTest } from "../interop_test_case.ts";
import type { Transport } from "../peers/peers.ts";
import { until } from "../../support/time/until.ts";
import { Upgrade } from "./restarts.ts";

/** One release of each list of fields, the newest first. */
const CANDIDATES = ["v2.7", "v2.6", "v2.0", "v1.15", "v1.13", "v1.1", "v1.0", "v0.12"];

/** What the proxy takes each collector for, when it has seen all that this one shows. */
const FOUND: Readonly<Record<string, string>> = {
  // They close the connection at a template with an element that they do not know.
  "v0.12": "v0.12",
  "v1.0": "v1.0",
  "v1.1": "v1.1",
  "v1.2.1": "v1.1",
  // They refuse such a template, and keep the connection: nothing arrives, and nothing shows it.
  "v1.5": "v2.7",
  "v1.15": "v2.7",
  "v2.2": "v2.7",
  // They take it, and drop what they do not know.
  "v2.3": "v2.7",
  "v2.6": "v2.7",
};

for (const transport of ["tcp", "tls"] as const satisfies readonly Transport[]) {
  interopTest(`over ${transport}, candidates: a collector that dies of what it is given is stepped down`, async () => {
    await using identities = await issueIdentities();
    const keys = ", candidates: [antrea/v2.0, antrea/v1.15], acceptedAfter: 30s";
    const options = { transport, agent: "v2.0", collector: "v1.15", profile: "", keys, identities };
    await using upgrade = await Upgrade.start(options);
    const profile = async () => (await upgrade.status()).collector.profile;
    for (const strike of [1, 2]) {
      assert.equal(await profile(), "antrea/v2.0", `before end ${strike}`);
      // It refuses the newer template, and reads the records by the older one that it knows.
      await upgrade.teach("v1.15");
      await upgrade.send(2);
      assert.match(await upgrade.died(), /index out of range/);
      await upgrade.until("its end is seen", ({ collector }) => collector.state === "away");
      await upgrade.start("v1.15");
      await upgrade.until("it is back", ({ collector }) => collector.state === "connected");
    }
    await upgrade.until("the next one holds", ({ collector }) => collector.profile === "antrea/v1.15");
    await upgrade.send(10);
    const { delivered, exact, correct } = await upgrade.arrived(10);
    assert.deepEqual([exact, correct], [delivered, delivered]);
    assert.deepEqual(
      [await upgrade.logged("candidate_in_doubt", 1), await upgrade.logged("candidate_rejected", 1)]
        .map(({ length }) => length),
      [1, 1],
    );
    assert.match((await upgrade.logged("candidate_rejected", 1))[0] ?? "", /"how":"ended"/);
  });
}

for (const transport of ["tcp", "tls"] as const satisfies readonly Transport[]) {
  for (const [collector, found] of Object.entries(FOUND)) {
    interopTest(`over ${transport}, candidates: a collector of ${collector} is taken for ${found}`, async () => {
      await using identities = await issueIdentities();
      const list = CANDIDATES.map((name) => `antrea/${name}`).join(", ");
      const keys = `, candidates: [${list}], acceptedAfter: 3s`;
      await using upgrade = await Upgrade.start({ transport, agent: "v2.7", collector, profile: "", keys, identities });
      const isFound = async () => (await upgrade.status()).collector.profile === `antrea/${found}`;
      await until(`it is taken for ${found}`, async () => {
        await upgrade.send(1);
        await pause(50);
        return await isFound();
      });
      const steps = CANDIDATES.indexOf(found);
      assert.equal((await upgrade.logged("candidate_rejected", steps)).length, steps);
      if (steps === 0) {
        for (let sent = 0; sent < 20; sent++) {
          await upgrade.send(1);
          await pause(50);
        }
        assert.ok(await isFound());
        assert.deepEqual(await upgrade.logged("candidate_in_doubt", 0), [], "it shows nothing");
        return;
      }
      // What was given to it as another release is lost, and counted as possibly lost; from here on nothing is.
      const before = upgrade.received;
      await upgrade.send(10);
      const { delivered, exact, correct } = await upgrade.arrived(before + 10);
      assert.ok(
        delivered >= before + 10 && exact === delivered && correct === delivered,
        `${delivered} ${exact} ${correct}`,
      );
      await pause(3_500);
      await upgrade.send(2);
      assert.equal((await upgrade.logged("candidate_rejected", steps)).length, steps, "it stays with that");
      // Another process: the newest is tried again, once.
      await upgrade.stop();
      await upgrade.until("it has gone", ({ collector }) => collector.state === "away");
      await upgrade.start(collector);
      await until("the newest is rejected again", async () => {
        await upgrade.send(1);
        await pause(50);
        return (await upgrade.logged("candidate_rejected", 0)).length > steps;
      });
      assert.equal((await upgrade.logged("candidate_tried_again", 1)).length, 1);
      assert.equal((await upgrade.logged("candidate_rejected", steps + 1)).length, steps + 1, "at the first end");
      assert.ok(await isFound(), "straight back to what was accepted");
    });
  }
}
