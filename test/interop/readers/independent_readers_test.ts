/** What `rewrite` writes, read by programs that share no code with this project: libfixbuf's ipfixDump, and tshark. */
import assert from "node:assert/strict";
import { COLLECTORS } from "../../support/messages/antrea.ts";
import { runCommand } from "../../support/processes/run_command.ts";
import { field, join, message, number, set, templateSet } from "../../support/messages/wire.ts";
import { inspectAll } from "./inspect_all.ts";
import { expectedOfIpfixDump, readWithIpfixDump } from "./ipfix_dump.ts";
import { agentsOfEveryEra, everyShape, redefinedTemplates, type Sample } from "./reader_samples.ts";
import { debianTool, type Tool, toolTest } from "../../support/processes/tool_test_case.ts";
import { expectedOfTshark, readWithTshark } from "./tshark.ts";

interface Reader {
  readonly tool: Tool;
  read(octets: Uint8Array): Promise<string[]>;
  expected(octets: Uint8Array): string[];
}

const ipfixDump: Reader = {
  tool: debianTool("ipfixDump", "libfixbuf-tools"),
  read: readWithIpfixDump,
  expected: expectedOfIpfixDump,
};
const tshark: Reader = {
  tool: debianTool("tshark"),
  read: readWithTshark,
  expected: expectedOfTshark,
};

/** A collector in YAML, and whether it takes options templates. */
interface Target {
  readonly collector: string;
  readonly plugins?: string;
  readonly options: boolean;
}

const agentTargets: readonly Target[] = COLLECTORS.map((release) => ({
  collector: `profile: antrea/${release}`,
  options: false,
}));

const shapeTargets: readonly Target[] = [
  { collector: "profile: rfc7011", options: true },
  {
    collector: "profile: rfc7011",
    plugins:
      "[{ use: map-fields, with: { fields: { flowStartSeconds: flowStartMilliseconds, sourceIPv4Address: sourceIPv6Address } } }]",
    options: true,
  },
  { collector: "profile: antrea/v2.7, dialect: rfc7011", options: true },
  { collector: "profile: antrea/v1.15, dialect: rfc7011", options: true },
  ...["v2.7.0", "v2.2.2", "v1.15.2", "v0.13.5"].map((release) => ({
    collector: `profile: antrea/${release}`,
    options: false,
  })),
];

/** What the command writes for a stream, once for all readers. */
const rewritten = new Map<string, Promise<Uint8Array>>();

function rewrite(sample: () => Sample, { collector, plugins }: Target): Promise<Uint8Array> {
  const yaml = `listen: [{ transport: tcp, address: 127.0.0.1:0 }]
collector: { transport: tcp, address: 127.0.0.1:4739, ${collector} }
${plugins === undefined ? "" : `plugins: ${plugins}\n`}`;
  const key = `${sample.name} ${yaml}`;
  const known = rewritten.get(key) ?? runRewrite(yaml, sample().stream);
  rewritten.set(key, known);
  return known;
}

async function runRewrite(yaml: string, stdin: Uint8Array): Promise<Uint8Array> {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(file, yaml);
    const { status, stdout, stderr } = await runCommand("rewrite", ["--config", file], { stdin });
    // 3: the dialect takes no options templates, so their records are dropped, which the summary says.
    assert.equal(status, /^records dropped: options_template \d+$/m.test(stderr) ? 3 : 0, stderr);
    return stdout;
  } finally {
    await Deno.remove(file);
  }
}

const announced = message({}, templateSet({ id: 256, scope: 0, fields: [field("0/7", 2), field("0/4", 1)] }));

function record(protocol: number): Uint8Array {
  return set(256, join(number(80, 2), number(protocol, 1)));
}

/** The reader finds every record, and in it what this project's decoder finds, field by field. */
async function readsAll(reader: Reader, sample: () => Sample, targets: readonly Target[]): Promise<void> {
  const { records, optionsRecords } = sample();
  for (const target of targets) {
    const octets = await rewrite(sample, target);
    const wanted = records + (target.options ? optionsRecords : 0);
    assert.equal(inspectAll(octets).filter(({ kind }) => kind === "record").length, wanted, target.collector);
    const lines = await reader.read(octets);
    assert.equal(lines.filter((line) => line.startsWith("record of ")).length, wanted, target.collector);
    assert.deepEqual(lines, reader.expected(octets), target.collector);
  }
}

for (const reader of [ipfixDump, tshark]) {
  const test = (name: string, run: () => Promise<void>) =>
    toolTest(reader.tool, `${reader.tool.program}: ${name}`, run);

  test("Agents of all eras at collectors of all eras", () => readsAll(reader, agentsOfEveryEra, agentTargets));

  test("options templates, several sets, padding, reduced sizes, many observation domains", () => {
    return readsAll(reader, everyShape, shapeTargets);
  });

  test("finds wrong sequence numbers, and another value", async () => {
    const good = join(announced, message({}, record(6)), message({ sequenceNumber: 1 }, record(6)));
    assert.deepEqual(await reader.read(good), reader.expected(good));
    const other = join(announced, message({}, record(6)), message({ sequenceNumber: 1 }, record(17)));
    assert.notDeepEqual(await reader.read(good), reader.expected(other));
    await assert.rejects(reader.read(join(good, message({ sequenceNumber: 7 }, record(6)))), /sequence/);
  });
}

toolTest(tshark.tool, "tshark: finds a set without records", async () => {
  await assert.rejects(tshark.read(join(announced, message({}, set(256, new Uint8Array())))), /No flow information/);
});

// tshark keeps the first layout that it sees under an id.
toolTest(
  ipfixDump.tool,
  "ipfixDump: a template id that gets other layouts, with and without a withdrawal",
  () => readsAll(ipfixDump, redefinedTemplates, shapeTargets),
);
