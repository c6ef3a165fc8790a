import assert from "node:assert/strict";
import { loadProfile } from "../../src/config/profiles.ts";
import { registryHistory } from "../../src/config/registries.ts";
import { measureInMemory } from "./in_memory.ts";
import { measureLatency } from "./latency.ts";
import { PlainRewriter } from "./plain_rewriter.ts";
import { haproxyVersion } from "./relays.ts";
import { formatReport } from "./report.ts";
import { measureRelays, relayCases } from "./whole_proxy.ts";
import { messagesOf, Workload } from "./workload.ts";

// What is measured is never judged here: only that all of it runs, and that what is said to be sent arrives.

Deno.test("a block is whole messages whose sequence numbers go on from block to block", () => {
  const workload = new Workload(loadProfile("antrea/v2.0"), { families: "both", recordsPerMessage: 16 });
  const numbers: number[] = [];
  for (let block = 0; block < 2; block++) {
    workload.advance();
    for (const message of messagesOf(workload.block)) {
      numbers.push(new DataView(message.buffer, message.byteOffset).getUint32(8));
    }
  }
  assert.deepEqual(numbers, numbers.map((_, index) => index * 16));
  assert.equal(numbers.length, 2 * workload.messages);
});

Deno.test("an Agent's message is as long as Agents' messages are", () => {
  for (const profile of ["antrea/v1.15", "antrea/v2.0"]) {
    const { block, messages } = new Workload(loadProfile(profile), { families: "both", recordsPerMessage: 1 });
    const mean = block.length / messages;
    assert.ok(mean >= 300 && mean <= 340, `${profile}: ${mean}`);
  }
});

Deno.test("the plain rewriter gives an Agent's messages to its own release as they came", () => {
  const workload = new Workload(loadProfile("antrea/v2.0"), { families: "both", recordsPerMessage: 2 });
  const plain = new PlainRewriter(loadProfile("antrea/v2.0"), registryHistory());
  for (const message of messagesOf(workload.templates)) assert.equal(plain.rewrite(message), undefined);
  workload.advance();
  for (const message of messagesOf(workload.block)) assert.deepEqual(plain.rewrite(message), message.slice());
});

Deno.test("what the proxy is compared with runs by itself, and every message that is sent arrives", async () => {
  const haproxy = "version" in await haproxyVersion(false);
  const cases = relayCases(haproxy).slice(0, haproxy ? 3 : 1);
  const relays = await measureRelays(cases, 0.002, () => {});
  assert.deepEqual(relays.map(({ what }) => what), cases.map(({ what }) => what));
  for (const { what, gigabytesPerSecond, timesHaproxy } of relays) {
    assert.ok(gigabytesPerSecond > 0, what);
    assert.equal(timesHaproxy === null, !haproxy, what);
  }
});

Deno.test("all of the bench runs, and every message that is sent arrives", async () => {
  const haproxy = "version" in await haproxyVersion(false);
  const said: string[] = [];
  const say = (line: string) => void said.push(line);
  const memory = measureInMemory(0.002, say);
  const relays = await measureRelays(relayCases(haproxy), 0.002, say);
  const latency = await measureLatency(20, haproxy, say);
  for (const { what, nanosecondsPerRecord } of memory) assert.ok(nanosecondsPerRecord > 0, what);
  for (const { what, gigabytesPerSecond, peakMemoryMegabytes } of relays) {
    assert.ok(gigabytesPerSecond > 0 && peakMemoryMegabytes > 1, what);
  }
  for (const { what, medianMicroseconds, p99Microseconds } of latency) {
    assert.ok(medianMicroseconds > 0 && p99Microseconds >= medianMicroseconds, what);
  }
  assert.equal(said.length, memory.length + relays.length + latency.length);
  const machine = { cpu: "", cores: 1, kernel: "", deno: "" };
  const lines = formatReport({ machine, haproxy: "", memory, relays, latency }).split("\n");
  assert.equal(lines.length, 1 + 3 * 3 + said.length);
});
