import assert from "node:assert/strict";
import { startAdmin } from "../../src/admin/start_admin.ts";
import { demoProxy } from "../../src/demo/demo_proxy.ts";
import { loadProfile } from "../../src/config/profiles/profiles.ts";
import { EmbeddedAgent } from "../../src/demo/embedded_agent.ts";
import { EmbeddedAggregator } from "../../src/demo/embedded_aggregator.ts";
import { runCommand } from "../support/processes/run_command.ts";
import { PATIENCE } from "../support/time/until.ts";
import { readTar } from "../support/tar_reader.ts";

const OLD = loadProfile("antrea/v1.15");
const NEW = loadProfile("antrea/v2.0");

interface Line {
  readonly kind: string;
}

async function inspected(file: Uint8Array | undefined): Promise<Line[]> {
  const { status, text, stderr } = await runCommand("inspect", ["--json"], { stdin: file ?? assert.fail() });
  assert.equal(status, 0, stderr);
  return text.trim().split("\n").map((line) => JSON.parse(line));
}

Deno.test("a capture from the middle of a session is read by inspect, on both sides of the rewriting", async () => {
  const aggregator = new EmbeddedAggregator(OLD);
  const proxy = demoProxy(aggregator.address, OLD, () => {});
  await proxy.start();
  const admin = await startAdmin(proxy.view, { hostname: "127.0.0.1", port: 0 });
  const agent = new EmbeddedAgent(NEW, "node-1");
  try {
    const listener = proxy.proxy.addresses()[0]?.address ?? assert.fail();
    await agent.connect(listener, async () => void await aggregator.nextEffect(PATIENCE));
    await agent.send(0);
    await aggregator.nextEffect(PATIENCE);

    const url = `http://127.0.0.1:${admin.port}/api/sessions/1/capture`;
    const waiting = fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: '{"messages": 2, "seconds": 30}',
    });
    // The second of two captures is refused once the first has begun: then it is time to send.
    for (;;) {
      const second = await fetch(url, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: '{"seconds": 0.1}',
      });
      await second.body?.cancel();
      if (second.status === 409) break;
    }
    for (const number of [1, 2]) await agent.send(number);
    const answer = await waiting;
    assert.equal(answer.status, 200);
    const files = readTar(await answer.bytes());
    const received = await inspected(files.get("session-1-received.ipfix")?.octets);
    const sent = await inspected(files.get("session-1-sent.ipfix")?.octets);
    const names = (lines: Line[], kind: string) =>
      lines.filter((line) => line.kind === kind).map((line) =>
        JSON.stringify(line).match(/egressNodeName/g)?.length ?? 0
      );
    assert.deepEqual(
      names(received, "template"),
      [1, 1],
      "both templates stand at the head, as the exporter sent them",
    );
    assert.deepEqual(names(received, "record"), [1, 1]);
    assert.deepEqual(names(sent, "template"), [0, 0], "and as the collector got them");
    assert.deepEqual(names(sent, "record"), [0, 0]);
  } finally {
    await agent.close();
    await admin.close();
    await proxy.close();
    await aggregator.close();
  }
});
