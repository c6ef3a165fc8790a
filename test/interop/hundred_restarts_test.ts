/** A collector that is restarted a hundred times under load: what is lost was in the process that ended, or on its way. */
import assert from "node:assert/strict";
import { issueIdentities } from "./identities.ts";
import { interopTest } from "./interop_test_case.ts";
import type { Transport } from "./peers.ts";
import { say } from "../end_to_end/support.ts";
import { Upgrade } from "./restarts.ts";

const RESTARTS = 100;

for (const transport of ["tcp", "tls"] as const satisfies readonly Transport[]) {
  interopTest(
    `over ${transport}, ${RESTARTS} restarts under load: nothing wrong, nothing twice, figures that add up`,
    async () => {
      await using identities = await issueIdentities();
      await using upgrade = await Upgrade.start({ transport, agent: "v2.0", collector: "v1.15", identities });
      let running = true;
      const sending = (async () => {
        while (running) {
          await upgrade.send(5);
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      })();
      const seen = new Set<number>();
      let [most, last] = [0, -1];
      const look = async () => {
        const { delivered, exact, correct } = await upgrade.arrived(0);
        assert.deepEqual([exact, correct], [delivered, delivered], "each record is right, and none is there twice");
        const numbers = upgrade.numbers();
        for (const number of numbers) {
          assert.ok(!seen.has(number), `record ${number} came again from another process`);
          seen.add(number);
        }
        if (numbers.length === 0) return;
        most = Math.max(most, Math.min(...numbers) - last - 1);
        last = Math.max(...numbers);
      };
      try {
        for (let restart = 0; restart < RESTARTS; restart++) {
          await upgrade.busy(20 + restart % 30);
          await upgrade.stop();
          await look();
          await upgrade.start("v1.15");
        }
      } finally {
        running = false;
        await sending;
      }
      await upgrade.send(2);
      const sent = upgrade.sent;
      await upgrade.until(
        "all was taken",
        ({ totals: { records } }) => records.received === sent && records.sent === sent,
      );
      await upgrade.busy(3);
      await upgrade.settle();
      await look();
      assert.ok(seen.has(sent - 1), "the last one arrived");
      const { collector } = await upgrade.status();
      assert.equal(collector.epoch, RESTARTS + 1);
      say(
        `${transport}: ${sent} records, ${RESTARTS} restarts, ${sent - seen.size} lost, at most ${most} at once`,
      );
      const possiblyLost = await upgrade.possiblyLost();
      assert.ok(sent - seen.size <= possiblyLost, `${sent - seen.size} lost, at most ${possiblyLost} reported`);
    },
  );
}
