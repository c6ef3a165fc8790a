import assert from "node:assert/strict";
import { runCommand } from "../../../test/support/processes/run_command.ts";
import { loadProfile } from "../../config/profiles/profiles.ts";
import { AgentMessages } from "../../demo/agent_messages.ts";
import { FragileCollector, fragileCollectorOptions } from "../../demo/fragile_collector.ts";
import { wrongAbout } from "../../demo/record_judgement.ts";

const agent = new AgentMessages(loadProfile("antrea/v2.0"), "node-1");
const templates = agent.templates();
const flows = Array.from({ length: 6 }, (_, number) => agent.flow(number));
const stream = join(...templates, ...flows.map(({ message }) => message));

function join(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** Runs `rewrite` with a configuration. */
async function rewrite(yaml: string, stdin: Uint8Array, ...args: string[]) {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(file, yaml);
    return await runCommand("rewrite", ["--config", file, ...args], { stdin });
  } finally {
    await Deno.remove(file);
  }
}

const CONFIGURATION = `
listen: [{ transport: tcp, address: 127.0.0.1:0 }]
collector: { transport: tcp, address: 127.0.0.1:4739, profile: antrea/v1.15 }
`;

/** The messages of a stream, one by one. */
function* messagesOf(octets: Uint8Array): Iterable<Uint8Array> {
  for (let start = 0; start < octets.length;) {
    const length = (octets[start + 2] ?? 0) << 8 | (octets[start + 3] ?? 0);
    yield octets.subarray(start, start += length);
  }
}

Deno.test("what rewrite writes, an old Aggregator reads: every record, every value", async () => {
  const { status, stdout, stderr } = await rewrite(CONFIGURATION, stream);
  assert.equal(status, 0, stderr);
  const profile = loadProfile("antrea/v1.15");
  const collector = new FragileCollector(fragileCollectorOptions(profile));
  const records = [...messagesOf(stdout)].flatMap((message) => collector.receive("session", message));
  assert.equal(records.length, flows.length);
  records.forEach((record, index) => {
    const flow = flows[index];
    assert.ok(flow);
    assert.equal(wrongAbout(flow, record, profile), undefined);
  });
  assert.match(stderr, /records 6 in, 6 out/);
  assert.match(stderr, /information lost in records: egressNodeName 6/);
});

Deno.test("a profile file without a name serves, beside the configuration that names it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(
      `${folder}/one.yaml`,
      "{dialect: rfc7011, registry: go-ipfix/v0.16.0, " +
        "templates: [{name: one, selectedBy: sourceIPv4Address, fields: [sourceIPv4Address]}]}",
    );
    await Deno.writeTextFile(`${folder}/proxy.yaml`, CONFIGURATION.replace("antrea/v1.15", "one.yaml"));
    // 56506/116 in 2 octets, which the registry knows with 4.
    const stdin = Uint8Array.fromHex(
      "000a002b6553f1000000000000000001000200140100000200040001807400020000dcba0100000706fffe",
    );
    const { status, stdout, stderr } = await runCommand("rewrite", ["--config", `${folder}/proxy.yaml`], { stdin });
    assert.equal(status, 0, stderr);
    assert.equal(stdout.toHex(), stdin.toHex());
    const checked = await runCommand("check", ["--config", `${folder}/proxy.yaml`]);
    assert.match(checked.text, /collector +tcp 127\.0\.0\.1:4739, one \(dialect rfc7011\)/);
    const explained = await runCommand("explain", ["--from", "antrea/v2.0", "--to", `${folder}/one.yaml`]);
    assert.match(
      explained.text,
      /^antrea\/v2\.0 → one \(dialect rfc7011\)[^]*IPv4 .*: 42 fields in, 1 out\n +kept +1 field\n/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("observe mode writes the input octet for octet", async () => {
  const { status, stdout, stderr } = await rewrite(`${CONFIGURATION}mode: observe\n`, stream);
  assert.equal(status, 0, stderr);
  assert.deepEqual(stdout, stream);
  const one = flows[0]?.message ?? new Uint8Array();
  const { stderr: said } = await rewrite(`${CONFIGURATION}mode: observe\n`, join(...templates, one));
  const heading =
    /^\d+ messages and 1 record passed on unchanged; rewritten, there would be \d+ messages and 1 record$/m;
  assert.match(said, heading);
});

Deno.test("dropped records end it with 3, after everything else is written, and are counted by reason", async () => {
  const [first, ...rest] = flows;
  assert.ok(first !== undefined);
  const early = join(first.message, ...templates, ...rest.map(({ message }) => message));
  const { status, stdout, stderr } = await rewrite(CONFIGURATION, early);
  assert.equal(status, 3, stderr);
  assert.match(stderr, /^error: 1 record was dropped: unknown_template 1$/m);
  assert.match(stderr, /^records dropped: observation domain \d+, template \d+: data before its template$/m);
  assert.equal([...messagesOf(stdout)].length, templates.length + rest.length);
});

Deno.test("in observe mode nothing is dropped or lost, and the summary says what would be", async () => {
  const early = join(flows[0]?.message ?? new Uint8Array(), stream);
  const { status, stdout, stderr } = await rewrite(`${CONFIGURATION}mode: observe\n`, early);
  assert.equal(status, 0, stderr);
  assert.deepEqual(stdout, early);
  assert.match(stderr, /^would drop records: .*data before its template$/m);
  assert.match(stderr, /^records that would be dropped: unknown_template 1$/m);
  assert.match(stderr, /^records that would lose information: egressNodeName 6$/m);
  assert.doesNotMatch(stderr, /records dropped|lost in records/);
});

Deno.test("empty input gives empty output", async () => {
  const { status, stdout } = await rewrite(CONFIGURATION, new Uint8Array());
  assert.deepEqual([status, stdout.length], [0, 0]);
});

Deno.test("everything before a broken message is written, and an offset inside it is named", async () => {
  const whole = await rewrite(CONFIGURATION, stream);
  for (const mode of ["rewrite", "observe"]) {
    const broken = Uint8Array.from(flows[0]?.message ?? []);
    broken[19] = 3;
    const { status, stdout, stderr } = await rewrite(`${CONFIGURATION}mode: ${mode}\n`, join(stream, broken, stream));
    assert.equal(status, 1);
    assert.deepEqual(stdout, mode === "observe" ? stream : whole.stdout);
    const offsets = [...stderr.matchAll(/octet (\d+)/g)].map(([, offset]) => Number(offset));
    assert.equal(offsets.length, 1, stderr);
    const [offset = -1] = offsets;
    assert.ok(offset >= stream.length && offset < stream.length + broken.length, stderr);
  }
});

Deno.test("--keep-going skips a broken message, says what it skipped, and ends with 1", async () => {
  const broken = Uint8Array.from(flows[0]?.message ?? []);
  broken[19] = 3;
  const twice = await rewrite(CONFIGURATION, join(stream, stream));
  const { status, stdout, stderr } = await rewrite(CONFIGURATION, join(stream, broken, stream), "--keep-going");
  assert.equal(status, 1);
  assert.equal(stdout.length, twice.stdout.length);
  assert.match(stderr, /passed over: broken message at octet \d+/);
  assert.match(stderr, /error: 1 broken message was passed over/);
});

Deno.test("a message that is cut off is broken, another protocol is named", async () => {
  const cut = await rewrite(CONFIGURATION, stream.subarray(0, stream.length - 1));
  assert.equal(cut.status, 1);
  assert.match(cut.stderr, /the input ends inside the message/);
  const http = await rewrite(CONFIGURATION, new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  assert.equal(http.status, 1);
  assert.match(http.stderr, /octet 0 .*HTTP/);
});

Deno.test("--from-address chooses the peer rule", async () => {
  const yaml = `${CONFIGURATION}
peers:
  - match: { address: 10.1.0.0/16 }
    collector: { profile: rfc7011 }
`;
  assert.deepEqual((await rewrite(yaml, stream, "--from-address", "10.1.2.3")).stdout, stream);
  assert.notDeepEqual((await rewrite(yaml, stream, "--from-address", "10.2.2.3")).stdout, stream);
  const wrong = await rewrite(yaml, stream, "--from-address", "10.1.2");
  assert.deepEqual([wrong.status, wrong.stdout.length], [2, 0]);
  assert.match(wrong.stderr, /--from-address: "10\.1\.2" is not an IP address/);
});

Deno.test("a wrong configuration writes nothing and names every mistake with its place", async () => {
  const { status, stdout, stderr } = await rewrite(
    "listen: [{ transport: tpc, address: 127.0.0.1:0 }]\ncollector: { address: 127.0.0.1:4739, profile: antrea/v1.16 }\n",
    stream,
  );
  assert.deepEqual([status, stdout.length], [2, 0]);
  assert.match(stderr, /\.yaml:1:23: listen\[0\]\.transport: "tpc" is not allowed \(tcp, tls, udp, grpc\)/);
  assert.match(stderr, /\.yaml:2:\d+: collector\.profile: .*antrea\/v1\.15/);
  const missing = await runCommand("rewrite", ["--config", "/nowhere/proxy.yaml"], { stdin: stream });
  assert.deepEqual([missing.status, missing.stdout.length], [2, 0]);
});

Deno.test("what a plugin prints goes to standard error, in a process of its own or in this one", async () => {
  const folder = await Deno.makeTempDir();
  const plugin = `let asked = 0;
export default {
  apiVersion: 1, name: "talks", summary: "", options: { safeParse: (data) => ({ success: true, data }) },
  create: () => ({ name: "talks", rewrite(mapping) {
    // What it printed for the first template has been read when it answers for the second.
    if (asked++ > 0) for (const end = Date.now() + 500; Date.now() < end;);
    console.log("one\\ntwo"); return mapping;
  } }),
};`;
  try {
    await Deno.writeTextFile(`${folder}/talks.js`, plugin);
    const quiet = await rewrite(CONFIGURATION, stream);
    for (const isolate of [true, false]) {
      const { status, stdout, stderr } = await rewrite(
        `${CONFIGURATION}plugins:\n- { use: ${folder}/talks.js, isolate: ${isolate} }\n` +
          "- use: map-fields\n- use: strip-unknown\n- use: pad-missing\n- use: match-order\n",
        stream,
      );
      assert.equal(status, 0, stderr);
      assert.deepEqual(stdout, quiet.stdout);
      for (const line of ["one", "two"]) {
        assert.ok(stderr.includes(`${folder}/talks.js: ${line}`), stderr);
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
