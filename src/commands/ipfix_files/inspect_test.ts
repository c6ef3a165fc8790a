import { MessageBuilder } from "../../../test/support/messages/message_builder.ts";
import assert from "node:assert/strict";
import { runCommand } from "../../../test/support/processes/run_command.ts";
import { loadProfile } from "../../config/profiles/profiles.ts";
import { registryHistory } from "../../config/profiles/registries.ts";
import { AgentMessages } from "../../demo/agent_messages.ts";
import { Inspector } from "../../offline/inspection.ts";
import { painter } from "../../terminal/terminal.ts";
import { textOf } from "./inspect.ts";

const agent = new AgentMessages(loadProfile("antrea/v2.0"), "node-1");
const templates = agent.templates();
const flows = [agent.flow(0), agent.flow(1)];
const stream = join(...templates, ...flows.map(({ message }) => message));

function join(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

Deno.test("inspect --json gives an object for each message, template and record, in order", async () => {
  const { status, text, stderr } = await runCommand("inspect", ["--json"], { stdin: stream });
  assert.deepEqual([status, stderr], [0, ""]);
  const lines = text.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ kind }) => kind),
    ["message", "template", "message", "template", "message", "record", "message", "record"],
  );
  assert.equal(lines[2].offset, templates[0]?.length);
  assert.deepEqual(lines[1].fields[16], {
    element: "sourcePodName",
    pen: 56506,
    id: 101,
    type: "string",
    length: 65535,
  });
  assert.equal(lines[1].detectedProfile, "antrea/v2.0");
  const { values } = lines[7];
  assert.deepEqual(Object.keys(values), [...flows[1]?.values.keys() ?? []]);
  assert.equal(values.sourcePodName, "frontend-1");
  assert.equal(values.sourceIPv6Address, flows[1]?.values.get("sourceIPv6Address"));
  assert.equal(values.flowStartSeconds, "2026-01-01T00:00:01Z");
});

Deno.test("inspect shows the same to a person", async () => {
  const { status, text } = await runCommand("inspect", [], { stdin: stream });
  assert.equal(status, 0);
  assert.match(text, /^message at 0 {2}312 octets .* sequence 0 {2}domain \d+$/m);
  assert.match(text, /^ {2}template 256 {2}42 fields, an Antrea Agent v2\.0-v2\.5$/m);
  assert.match(text, /^ {4}17 {2}sourcePodName +56506\/101 +string +variable$/m);
  for (const line of text.split("\n")) assert.ok(line.length <= 80, line);
  assert.match(text, /^ {2}record of template 256\n {4}flowStartSeconds +2026-01-01T00:00:00Z$/m);
});

Deno.test("inspect shows all before a broken message and says where that is", async () => {
  const broken = Uint8Array.from(flows[1]?.message ?? []);
  broken[19] = 3;
  const before = join(...templates, flows[0]?.message ?? new Uint8Array());
  const { status, text, stderr } = await runCommand("inspect", ["--json"], { stdin: join(before, broken) });
  assert.equal(status, 1);
  assert.equal(text.trimEnd().split("\n").length, 6);
  const offset = Number(/octet (\d+)/.exec(stderr)?.[1]);
  assert.ok(offset >= before.length && offset < before.length + broken.length, stderr);
});

Deno.test("inspect prints nothing for empty input", async () => {
  assert.deepEqual((await runCommand("inspect")).status, 0);
  assert.equal((await runCommand("inspect", ["--json"])).text, "");
});

Deno.test("a value that does not fit its column continues below, whole", async () => {
  const element = { pen: 0, id: 82, name: "interfaceName", type: "string", length: 65535, known: true } as const;
  const template = {
    id: 256,
    fields: [{ element: { ...element, enterpriseBit: false }, length: 65535 }],
    scopeFieldCount: 0,
  };
  const value = Array.from({ length: 60 }, (_, number) => `eth${number}`).join("");
  const message = new MessageBuilder({ sequenceNumber: 0xffffffff, observationDomainId: 0xffffffff })
    .templateSet([template]).dataSet(template, [[value]]).build();
  const { status, text } = await runCommand("inspect", [], { stdin: message });
  assert.equal(status, 0);
  for (const line of text.split("\n")) assert.ok(line.length <= 80, line);
  const shown = text.slice(text.indexOf("record of")).split("\n").slice(1).map((line) => line.slice(19)).join("");
  assert.equal(shown, value);
});

Deno.test("in a narrow terminal a template's fields are no table any more, and nothing is wider than it", () => {
  const text = (width: number) => {
    const inspector = new Inspector(registryHistory().resolve);
    return [...templates, flows[0]!.message].flatMap((message) =>
      inspector.next(message)!.content.map((each) => textOf(each, painter(false), width))
    ).join("\n");
  };
  for (const width of [80, 60, 40]) {
    for (const line of text(width).split("\n")) assert.ok(line.length <= width, `${width}: ${line}`);
  }
  assert.match(text(80), /^ {5}4 {2}sourceTransportPort {13}0\/7 {8}unsigned16 {7}2$/m);
  assert.match(text(40), /^ {5}4 {2}sourceTransportPort, 0\/7,\n {8}unsigned16, 2$/m);
});
