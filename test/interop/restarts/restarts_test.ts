/** Every order in which a collector's release and the proxy's profile can change: no record is lost, none is wrong. */
import assert from "node:assert/strict";
import { issueIdentities } from "../peers/identities.ts";
import { interopTest } from "../interop_test_case.ts";
import type { Transport } from "../peers/peers.ts";
import { Upgrade } from "./restarts.ts";

const TRANSPORTS: readonly Transport[] = ["tcp", "tls", "udp"];

function orderTest(what: string, run: (upgrade: Upgrade) => Promise<void>): void {
  for (const transport of TRANSPORTS) {
    interopTest(`over ${transport}, ${what}`, async () => {
      await using identities = await issueIdentities();
      await using upgrade = await Upgrade.start({ transport, agent: "v2.0", collector: "v1.15", identities });
      await upgrade.send(10);
      assert.deepEqual(await upgrade.arrived(10), { delivered: 10, exact: 10, correct: 10 });
      await run(upgrade);
    });
  }
}

/** The collector has ended, and the proxy has seen it: what is sent from here on is held. */
async function stop(upgrade: Upgrade): Promise<void> {
  await upgrade.stop();
  await upgrade.until("the collector is away", ({ collector }) => collector.state === "away");
}

for (const release of ["v2.0", "v2.3"]) {
  orderTest(`the profile is changed before the restart, to ${release}`, async (upgrade) => {
    await upgrade.proxy.change(`antrea/${release}`);
    const { collector } = await upgrade.status();
    assert.deepEqual([collector.profile, collector.nextProfile], ["antrea/v1.15", `antrea/${release}`]);
    assert.equal((await upgrade.logged("profile_waits", 1)).length, 1);
    await upgrade.send(10);
    assert.deepEqual(await upgrade.arrived(20), { delivered: 20, exact: 20, correct: 20 }, "the old one, as before");
    await stop(upgrade);
    await upgrade.send(4);
    await upgrade.start(release);
    await upgrade.send(6);
    assert.deepEqual(await upgrade.arrived(10), { delivered: 10, exact: 10, correct: 10 });
    const after = await upgrade.status();
    assert.deepEqual([after.collector.profile, after.collector.nextProfile], [`antrea/${release}`, null]);
    assert.equal(after.skew.sessions, 0, "id and layout are the Agent's own again");
    const mapped = await upgrade.logged("template_mapped", 2, '"remapped":true');
    assert.equal(mapped.length, 2, "each template's new mapping is in the log");
  });

  orderTest(`the profile is changed after the restart, to ${release}: it waits for another one`, async (upgrade) => {
    await stop(upgrade);
    await upgrade.start(release);
    await upgrade.send(10);
    assert.equal((await upgrade.arrived(10)).delivered, 10);
    await upgrade.proxy.change(`antrea/${release}`);
    await upgrade.send(4);
    assert.equal((await upgrade.arrived(14)).delivered, 14, "no other layout under an id that it knows");
    assert.equal((await upgrade.status()).collector.nextProfile, `antrea/${release}`);
    await stop(upgrade);
    await upgrade.start(release);
    await upgrade.send(10);
    assert.deepEqual(await upgrade.arrived(10), { delivered: 10, exact: 10, correct: 10 });
    assert.equal((await upgrade.status()).skew.sessions, 0);
  });

  orderTest(`the collector is stopped, the profile changed, the collector started as ${release}`, async (upgrade) => {
    await stop(upgrade);
    await upgrade.proxy.change(`antrea/${release}`);
    assert.deepEqual((await upgrade.status()).collector.nextProfile, null, "nothing lives that it would harm");
    await upgrade.send(4);
    await upgrade.start(release);
    await upgrade.send(6);
    assert.deepEqual(await upgrade.arrived(10), { delivered: 10, exact: 10, correct: 10 });
    assert.equal((await upgrade.status()).skew.sessions, 0);
  });
}
