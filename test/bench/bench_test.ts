import assert from "node:assert/strict";
import { loadProfile } from "../../src/config/profiles/profiles.ts";
import { registryHistory } from "../../src/config/profiles/registries.ts";
import { type Bench, QUICK } from "./bench.ts";
import { Child } from "./child.ts";
import { Exchange } from "./load/datagram_load.ts";
import { PARTS } from "./parts.ts";
import { buildGoPrograms, haproxyVersion } from "./peers.ts";
import { PlainRewriter } from "./parts/plain_rewriter.ts";
import { formatReport, isMet } from "./report.ts";
import { eitherGoal, median, percentile, type Row, row } from "./rows.ts";
import { GO, toolTest } from "../support/processes/tool_test_case.ts";
import { Sink } from "./load/sink.ts";
import { messagesOf, Workload } from "./load/workload.ts";

// What is measured is never judged here: only that all of it runs and reports, and that what is said to be sent
// arrives.

const CI = Deno.env.get("CI") === "true";

/** As little as can be. */
const SCALE = {
  ...QUICK,
  warmUp: 1,
  octets: 1e6,
  shapes: 1,
  slowWarmUp: 1,
  slowOctets: 1e5,
  memorySeconds: 0.002,
  messages: 20,
  pacedSeconds: 0.1,
  pacedMessagesPerSecond: 1_000,
  manySessions: 10,
  idleSessions: 20,
  returningSessions: 20,
  restMilliseconds: 1,
  datagrams: 500,
  starts: 1,
  warmUpFlows: 1,
  flows: 500,
  idleStreams: 20,
};

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

Deno.test("the plain rewriter leaves an Agent's messages to its own release unchanged", () => {
  const workload = new Workload(loadProfile("antrea/v2.0"), { families: "both", recordsPerMessage: 2 });
  const plain = new PlainRewriter(loadProfile("antrea/v2.0"), registryHistory());
  for (const message of messagesOf(workload.templates)) assert.equal(plain.rewrite(message), undefined);
  workload.advance();
  for (const message of messagesOf(workload.block)) assert.deepEqual(plain.rewrite(message), message.slice());
});

Deno.test("rounds are compared one by one, and a goal is met at its limit", () => {
  assert.deepEqual([median([3, 1, 2]), median([1, 2]), percentile([0, 10], 0.99)], [2, 1.5, 9.9]);
  const own = { name: "ours", samples: [1, 20, 3] };
  const compared = row("part", "s", own, { beside: { name: "theirs", samples: [1, 10, 1.5] } });
  assert.deepEqual([compared.ratio, compared.difference, compared.median], [2, 1.5, 3]);
  const figures = { figure: 2, ratio: undefined, difference: NaN };
  assert.equal(isMet({ of: "figure", limit: 2 }, figures), true);
  assert.equal(isMet({ of: "figure", limit: 2.1, atLeast: true }, figures), false);
  assert.equal(isMet({ of: "ratio", limit: 2 }, figures), undefined);
});

Deno.test("a goal that may be reached in two ways has the easier limit of the two", () => {
  const share = { of: "ratio", limit: 0.8, atLeast: true } as const;
  assert.deepEqual([0.44, 0.99, undefined, NaN].map((peer) => eitherGoal(share, peer).limit), [0.44, 0.8, 0.8, 0.8]);
  const added = { of: "difference", limit: 0.15 } as const;
  assert.deepEqual([0.1, 0.2004, undefined].map((peer) => eitherGoal(added, peer).limit), [0.15, 0.2, 0.15]);
});

Deno.test("the sink counts whole messages, and ignores connections that broke off before any", async () => {
  const broken = (...reads: Uint8Array[]) => ({
    read(octets: Uint8Array): Promise<number | null> {
      const next = reads.shift();
      if (next === undefined) return Promise.reject(new Deno.errors.ConnectionReset());
      octets.set(next);
      return Promise.resolve(next.length);
    },
    close() {},
  });
  const message = new Uint8Array(40);
  new DataView(message.buffer).setUint16(2, message.length);
  const arrived = async (...reads: Uint8Array[]) => {
    const sink = new Sink();
    await sink.drain(broken(...reads));
    return sink.arrived;
  };
  assert.deepEqual(await arrived(), { octets: 0, messages: 0, whole: true });
  assert.deepEqual(await arrived(message.slice(0, 20)), { octets: 20, messages: 0, whole: false });
  assert.deepEqual(await arrived(message.slice(0, 3), message.slice(3, 20), message.slice(20)), {
    octets: 40,
    messages: 1,
    whole: false,
  });
  assert.equal((await arrived(message, message.slice(0, 20), message.slice(20), message)).messages, 3);
});

toolTest(GO, "the sink of many connections counts the same, however their octets come", async () => {
  const go = await buildGoPrograms();
  if ("missing" in go) throw new Error(go.missing);
  const message = new Uint8Array(40);
  new DataView(message.buffer).setUint16(2, message.length);
  const sink = new Child("the sink", go.programs.ends, ["sink"]);
  try {
    const port = Number(await sink.line());
    const connect = async () => {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      connection.setNoDelay(true);
      return connection;
    };
    (await connect()).close();
    const [one, other] = [await connect(), await connect()];
    for (const [start, end] of [[0, 1], [1, 3], [3, 20], [20, 40]]) await one.write(message.slice(start, end));
    for (let times = 0; times < 3; times++) await other.write(message);
    assert.deepEqual(JSON.parse(await sink.ask("4")), { octets: 160, messages: 4, whole: true });
    await other.write(message.slice(0, 39));
    for (const connection of [one, other]) connection.close();
    assert.deepEqual(JSON.parse(await sink.ask("5")), { octets: 199, messages: 4, whole: false });
  } finally {
    await sink.end();
  }
});

Deno.test("a datagram that comes late, or twice, does not count for the run after its own: no loss is below zero", async () => {
  const local = { hostname: "127.0.0.1", transport: "udp" } as const;
  const relay = Deno.listenDatagram({ ...local, port: 0 });
  const exchange = new Exchange(relay.addr.transport === "udp" ? relay.addr.port : NaN, "antrea/v2.0");
  const collector = { ...local, port: exchange.collectorPort };
  const late: Uint8Array<ArrayBuffer>[] = [];
  let delivering = false;
  const relayed = (async () => {
    for await (const [datagram] of relay) {
      const data = datagram[16] !== 0;
      if (data && !delivering && late.length < 3) {
        late.push(datagram.slice());
        continue;
      }
      for (const each of delivering ? late.splice(0) : []) await relay.send(each, collector);
      for (let times = 0; times < (delivering && data ? 2 : 1); times++) await relay.send(datagram, collector);
    }
  })();
  try {
    await exchange.begin();
    delivering = true;
    const { sent, arrived } = await exchange.run(100);
    assert.equal(late.length, 0);
    assert.deepEqual({ sent, arrived }, { sent: 100, arrived: 100 });
  } finally {
    relay.close();
    exchange.close();
    await relayed;
  }
});

/** Parts that programs in Go take part in, as peers or as the two ends. */
const WITH_GO = ["records", "sessions", "latency", "tls", "handshakes", "grpc"];

for (const [name, measure] of PARTS) {
  Deno.test(`the part ${name} runs, and every row of it reports`, async () => {
    const haproxy = await haproxyVersion(false);
    const withGo = WITH_GO.includes(name);
    const go = withGo ? await buildGoPrograms() : { missing: "" };
    const missing = [haproxy, ...(withGo ? [go] : [])].flatMap((peer) => "missing" in peer ? [peer.missing] : []);
    if (CI) assert.deepEqual(missing, []);
    for (const reason of missing) {
      Deno.stderr.writeSync(new TextEncoder().encode(`bench, ${name}: rows are left out: ${reason}\n`));
    }
    const directory = await Deno.makeTempDir({ prefix: "ipfix-bench-test-" });
    let rows: Row[];
    try {
      const bench: Bench = {
        scale: SCALE,
        haproxy: "version" in haproxy,
        directory,
        said() {},
        ...("programs" in go ? { go: go.programs } : {}),
      };
      rows = await measure(bench);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
    assert.ok(rows.length > 0 || (["sessions", "tls", "handshakes", "grpc"].includes(name) && "missing" in go));
    for (const one of rows) {
      assert.deepEqual([one.part, one.samples.length], [name, 1], one.what);
      assert.ok(
        one.samples.every((sample) => sample >= 0 || one.unit.startsWith("KB a ")),
        `${one.what}: ${one.samples}`,
      );
    }
    const machine = { cpu: "", cores: 1, kernel: "", deno: "", loadBefore: 0, loadAfter: 0 };
    const text = formatReport({ machine, haproxy: "", go: "", seconds: 1, scale: SCALE, rows });
    assert.equal(text.split("\n").length, 4 + rows.length);
  });
}
