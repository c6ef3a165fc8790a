/** What no good client does over HTTP/2: it costs the connection that does it, and nothing else. */
import assert from "node:assert/strict";
import { peakMemory } from "../../bench/process_usage.ts";
import { issueIdentities } from "../peers/identities.ts";
import { interopTest } from "../interop_test_case.ts";
import { Collector } from "../peers/peers.ts";
import { startProxy } from "../proxy.ts";
import { line } from "../peers/releases.ts";
import { agentFlow } from "./agent_flows.ts";
import { attack, FlowExporter } from "./peer.ts";
import { PATIENCE, until } from "../../support/time/until.ts";

/** As the README says. */
const MOST_MEBIBYTES = 400;

/**
 * Attack, how often, whether the proxy has to end it (else it only must not be harmed), and how many connections do it
 * at once.
 */
const ATTACKS: readonly (readonly [name: string, times: number, ends: boolean, connections?: number])[] = [
  ["rapid-reset", 100_000, true],
  ["settings", 100_000, false],
  ["ping", 100_000, false],
  ["continuation", 10_000, true],
  ["huge-headers", 1_000, false],
  ["window-updates", 100_000, false],
  ["overflowing-window", 2, true],
  ["empty-requests", 500, false],
  ["empty-requests-in-a-thousand-streams", 100, false],
  ["tiny-frames-in-a-thousand-streams", 50, false],
  ["unknown-fields", 500, false],
  ["half-requests", 6_000, true],
  ["without-window", 1_000, true],
  ["too-long-request", 1_000, false],
  ["streams-that-end", 2_000, false, 4],
  ["wrong-frames", 2_000, true],
  ["data-on-stream-0", 1, true],
  ["empty-data", 100_000, true],
];

interopTest("hostile HTTP/2 costs its own connection; the Agent beside it and the process feel nothing", async () => {
  await using identities = await issueIdentities();
  await using collector = await Collector.start(line("v2.3").goIpfix);
  const proxy = await startProxy(collector.address, "antrea/v2.3", { listen: ["grpc"], identity: identities.proxy });
  const metric = async (name: string) => {
    const metrics = await (await fetch(`${proxy.admin}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(metrics)?.[1] ?? 0);
  };
  try {
    await using agent = await FlowExporter.start(proxy.address, identities.exporter);
    const flow = agentFlow(line("v2.7"), "ipv4", 1, "typical");
    let sent = 0;
    /** Milliseconds in which a flow arrives. */
    const deliver = async (name: string) => {
      const began = performance.now();
      const answer = await agent.ask({ flows: [flow] });
      assert.equal(answer.error, undefined, name);
      sent++;
      await collector.process.until(() => collector.count >= sent + 2, PATIENCE);
      assert.equal(collector.count, sent + 2, name);
      return performance.now() - began;
    };
    for (const [name, times, ends, connections] of ATTACKS) {
      // The machine may run other tests as well, more of them now than before.
      const before = Math.max(await deliver(name), await deliver(name), await deliver(name));
      const attacking = attack(proxy.address, identities.exporter, name, times, connections);
      // While it goes on, and after it.
      for (let flows = 0; flows < 5; flows++) {
        const took = await deliver(name);
        assert.ok(took < 5_000 + 10 * before, `${name}: ${took} ms, ${before} ms before`);
      }
      const { ended, times: done } = await attacking;
      if (ends) assert.notEqual(ended, "", `${name} went on after ${done} times`);
      assert.equal(proxy.process.ending, undefined, proxy.process.stderr.slice(-20).join("\n"));
      const resident = await metric("process_resident_memory_bytes");
      assert.ok(resident < 450 * 1024 * 1024, `${name}: ${resident} octets`);
    }
    await agent.ask({ flows: [flow] });
    const sessions = () => metric('ipfix_proxy_sessions\\{transport="grpc"\\}');
    await until("sessions of attackers are closed", async () => await sessions() === 1);
  } finally {
    await proxy.close();
  }
});

/** Attacks that are about memory, each in a fresh process. */
const FLOODS: readonly (readonly [name: string, times: number, connections: number])[] = [
  ["half-requests", 6_000, 8],
  // 4 MiB less one octet.
  ["large-request", 262, 150],
  ["compressed-headers", 1_000, 10],
];

for (const [name, times, connections] of FLOODS) {
  interopTest(
    `${name} over ${connections} connections: below ${MOST_MEBIBYTES} MiB, and the Agent beside them keeps its stream`,
    async () => {
      await using identities = await issueIdentities();
      await using collector = await Collector.start(line("v2.3").goIpfix);
      const proxy = await startProxy(collector.address, "antrea/v2.3", {
        listen: ["grpc"],
        identity: identities.proxy,
      });
      try {
        await using agent = await FlowExporter.start(proxy.address, identities.exporter);
        const flow = agentFlow(line("v2.7"), "ipv4", 1, "typical");
        let sent = 0;
        const deliver = async () => {
          const answer = await agent.ask({ flows: [flow] });
          assert.equal(answer.error, undefined, name);
          sent++;
          await collector.process.until(() => collector.count >= sent + 2, PATIENCE);
          assert.equal(collector.count, sent + 2, name);
        };
        await deliver();
        let isOver = false;
        const attacking = attack(proxy.address, identities.exporter, name, times, connections).finally(() =>
          isOver = true
        );
        do await deliver(); while (!isOver);
        await attacking;
        await deliver();
        const peak = await peakMemory(proxy.process.pid) / 2 ** 20;
        assert.ok(peak < MOST_MEBIBYTES, `${peak} MiB`);
      } finally {
        await proxy.close();
      }
    },
  );
}
