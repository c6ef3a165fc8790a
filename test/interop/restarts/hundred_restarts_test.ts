/** A collector that is restarted many times under load: what is lost was in the process that ended, or on its way. */
import assert from "node:assert/strict";
import { issueIdentities } from "../peers/identities.ts";
import { interopTest } from "../interop_test_case.ts";
import type { Transport } from "../peers/peers.ts";
import { say } from "../../end_to_end/support.ts";
import { Upgrade } from "./restarts.ts";

/** Records that are sent at once. */
const BURST = 5;

interface Load {
  readonly transport: Transport;
  readonly restarts: number;
  /** Milliseconds between bursts. Over udp, what is sent while there is no collector has to fit into the queue. */
  readonly pause: number;
}

const LOADS: readonly Load[] = [
  { transport: "tcp", restarts: 100, pause: 1 },
  { transport: "tls", restarts: 100, pause: 1 },
  { transport: "udp", restarts: 100, pause: 4 },
];

for (const { transport, restarts, pause } of LOADS) {
  interopTest(
    `over ${transport}, ${restarts} restarts under load: nothing wrong, nothing twice, figures that add up`,
    async () => {
      await using identities = await issueIdentities();
      await using upgrade = await Upgrade.start({ transport, agent: "v2.0", collector: "v1.15", identities });
      let running = true;
      const sending = (async () => {
        while (running) {
          await upgrade.send(BURST);
          await new Promise((resolve) => setTimeout(resolve, pause));
        }
      })();
      const seen = new Set<number>();
      let [most, last] = [0, -1];
      /** Of each restart: how many records are lost that were sent after the process had ended. */
      const late: number[] = [];
      /** How many records had been sent when the process before had ended. */
      let before = 0;
      const look = async () => {
        const { delivered, exact, correct } = await upgrade.arrived(0);
        assert.deepEqual([exact, correct], [delivered, delivered], "each record is right, and none is there twice");
        const numbers = upgrade.numbers();
        for (const number of numbers) {
          assert.ok(!seen.has(number), `record ${number} came again from another process`);
          seen.add(number);
        }
        if (numbers.length === 0) return;
        const first = Math.min(...numbers);
        most = Math.max(most, first - last - 1);
        late.push(Math.max(0, first - before));
        last = Math.max(...numbers);
      };
      try {
        for (let restart = 0; restart < restarts; restart++) {
          await upgrade.busy(20 + restart % 30);
          await upgrade.stop();
          const { sent } = upgrade;
          await look();
          before = sent;
          await upgrade.start("v1.15");
        }
      } finally {
        running = false;
        await sending;
      }
      await upgrade.send(2);
      const sent = upgrade.sent;
      // A datagram that finds a queue full, of the kernel or of the proxy, is nobody's fault on a busy machine.
      const least = transport === "udp" ? sent * 0.9 : sent;
      await upgrade.until(
        "all was taken",
        ({ totals: { records } }) =>
          records.received >= least && records.received <= sent && records.sent >= least &&
          records.sent <= records.received,
      );
      await upgrade.busy(3);
      await upgrade.settle();
      await look();
      assert.ok(seen.has(sent - 1), "the last one arrived");
      const { collector } = await upgrade.status();
      // A connection to a process that has ended may be taken for one to the next, until its end is read.
      const extra = collector.epoch - restarts - 1;
      assert.ok(extra >= 0 && extra <= restarts / 20, `${collector.epoch} epochs, ${restarts} restarts`);
      say(
        `${transport}: ${sent} records, ${restarts} restarts, ${
          sent - seen.size
        } lost, at most ${most} at once; sent after an end and lost: ${late.filter((count) => count > 0).join(" ")}`,
      );
      // The end of a connection and the next burst may wait side by side, more of them where the machine is busy.
      const after = late.filter((count) => count > BURST).length;
      assert.ok(after <= restarts / 10, `after ${after} ends, more than one burst was lost that was sent later`);
      const possiblyLost = await upgrade.possiblyLost();
      assert.ok(sent - seen.size <= possiblyLost, `${sent - seen.size} lost, at most ${possiblyLost} reported`);
    },
  );
}
