import assert from "node:assert/strict";
import { runCommand } from "../../../test/support/processes/run_command.ts";
import { ANTREA_RELEASES } from "../../config/profiles/antrea_releases.ts";
import { learnProfile } from "../../config/profiles/learnt_profile.ts";
import { loadProfile } from "../../config/profiles/profiles.ts";
import { AgentMessages } from "../../demo/agent_messages.ts";
import { FragileCollector, fragileCollectorOptions } from "../../demo/fragile_collector.ts";
import { wrongAbout } from "../../demo/record_judgement.ts";
import { concatenate } from "../../ipfix/octets/concatenate.ts";
import { unknownElement } from "../../ipfix/registry/information_element.ts";
import { MessageBuilder } from "../../../test/support/messages/message_builder.ts";
import { RFC7011 } from "../../mediation/mapping/profile/dialect.ts";
import { profileText } from "../../offline/profile_text.ts";
import { SeenTemplates } from "../../offline/seen_templates.ts";

/** What an embedded Agent of the release sends: its templates, and a flow of each. */
function captureOf(release: string): Uint8Array {
  const agent = new AgentMessages(loadProfile(release), "node-1");
  return concatenate([...agent.templates(), agent.flow(0).message, agent.flow(1).message]);
}

/** A folder with these files; runs the command with paths in it. */
async function withFiles(files: Readonly<Record<string, Uint8Array | string>>, run: (folder: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, content] of Object.entries(files)) {
      await Deno.writeFile(
        `${folder}/${name}`,
        typeof content === "string" ? new TextEncoder().encode(content) : content,
      );
    }
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const FILE = `# What a collector expects, learnt from the templates in standard input. Look
# over before it is used:

#   dialect     what its decoder can take: rfc7011 has no limits; else go-ipfix,
#               go-ipfix-legacy, go-ipfix-stream-read
#   registry    the elements that it knows: go-ipfix/vX.Y.Z, iana, or a CSV file
#               beside this one
#   selectedBy  a source template with these elements follows the list that
#               keeps most of its fields; [] where only a template that equals
#               it does
#   not         elements that it must not have
#   scope       of an options template: the number of its scope fields

# Options template 301 of observation domain 7 is left out: the dialect
# go-ipfix-legacy takes no options templates.

# Template 300 of observation domain 7 has interfaceName of 16 octets as
# variable length: the dialect go-ipfix-legacy decodes by the registry's
# lengths.

# Template 300 of observation domain 7 lists what the dialect go-ipfix-legacy
# cannot take, so it never goes out: 64512/7 (octetArray).

# In the proxy's configuration, with the path of this file:
#   collector: { profile: ./yaf: 2.yaml, address: ... }

name: "yaf: 2"
dialect: go-ipfix-legacy
registry: go-ipfix/v0.11.0
templates:
  # template 300 of observation domain 7
  - name: template-300
    selectedBy: interfaceName
    fields:
      - interfaceName
      - { element: 64512/7, length: 2 }
`;

Deno.test("a small capture's profile file, word for word", async () => {
  const element = { pen: 0, id: 82, name: "interfaceName", type: "string", length: 65535, known: true } as const;
  const template = {
    id: 300,
    fields: [
      { element: { ...element, enterpriseBit: false }, length: 16 },
      { element: unknownElement(64512, 7), length: 2 },
    ],
    scopeFieldCount: 0,
  };
  const stdin = new MessageBuilder({ observationDomainId: 7 }).templateSet([template])
    .optionsTemplateSet([{ ...template, id: 301, scopeFieldCount: 1 }]).build();
  const args = ["--from-capture", "-", "--name", "yaf: 2", "--dialect", "go-ipfix-legacy"];
  const { status, text, stderr } = await runCommand("profile", args, { stdin });
  assert.equal(status, 0, stderr);
  assert.equal(text, FILE);
  assert.equal(
    stderr,
    `yaf: 2: template-300 (2 fields, selected by interfaceName); registry go-ipfix/v0.11.0, dialect go-ipfix-legacy
note: Options template 301 of observation domain 7 is left out: the dialect go-ipfix-legacy takes no options templates.
note: Template 300 of observation domain 7 has interfaceName of 16 octets as variable length: the dialect go-ipfix-legacy decodes by the registry's lengths.
note: Template 300 of observation domain 7 lists what the dialect go-ipfix-legacy cannot take, so it never goes out: 64512/7 (octetArray).
`,
  );
});

Deno.test("a capture of any Antrea release's Agent gives the profile that ships: elements, order, selection, registry", async () => {
  for (const line of new Set(ANTREA_RELEASES.map(({ line }) => `antrea/${line}`))) {
    const seen = new SeenTemplates();
    const capture = captureOf(line);
    for (let start = 0; start < capture.length;) start += await seen.take(capture.subarray(start)) ?? assert.fail();
    const text = profileText(learnProfile(seen.templates, line, RFC7011), "a capture");
    const learnt = loadProfile("learnt.yaml", () => text);
    const shipped = loadProfile(line);
    assert.deepEqual(learnt.templates, shipped.templates, line);
    assert.equal(learnt.registry.byName("sourcePodName")?.pen, 56506);
  }
});

Deno.test("a learnt profile serves: an old collector reads every record of a newer exporter, value for value", async () => {
  await withFiles({ "fa.ipfix": captureOf("antrea/v1.15") }, async (folder) => {
    const learnt = await runCommand("profile", [
      "--from-capture",
      `${folder}/fa.ipfix`,
      "--dialect",
      "go-ipfix-legacy",
    ]);
    assert.equal(learnt.status, 0, learnt.stderr);
    await Deno.writeFile(`${folder}/my-collector.yaml`, learnt.stdout);
    await Deno.writeTextFile(
      `${folder}/proxy.yaml`,
      "listen: [{ transport: tcp, address: 127.0.0.1:0 }]\n" +
        "collector: { transport: tcp, address: 127.0.0.1:4739, profile: ./my-collector.yaml }\n",
    );
    const check = await runCommand("check", ["--config", `${folder}/proxy.yaml`]);
    assert.match(check.text, /fa \(dialect go-ipfix-legacy\)/);
    const explain = await runCommand("explain", ["--from", "antrea/v2.0", "--to", `${folder}/my-collector.yaml`]);
    assert.match(explain.text, /IPv6 \(selected by sourceIPv6Address\): 42 fields in, 41 out/);

    const agent = new AgentMessages(loadProfile("antrea/v2.0"), "node-2");
    const flows = Array.from({ length: 6 }, (_, number) => agent.flow(number));
    const stdin = concatenate([...agent.templates(), ...flows.map(({ message }) => message)]);
    const { status, stdout, stderr } = await runCommand("rewrite", ["--config", `${folder}/proxy.yaml`], { stdin });
    assert.equal(status, 0, stderr);
    const profile = loadProfile("antrea/v1.15");
    const collector = new FragileCollector(fragileCollectorOptions(profile));
    const records = [];
    for (let start = 0; start < stdout.length;) {
      const length = (stdout[start + 2] ?? 0) << 8 | (stdout[start + 3] ?? 0);
      records.push(...collector.receive("session", stdout.subarray(start, start += length)));
    }
    assert.deepEqual(records.map((record, index) => wrongAbout(flows[index] ?? assert.fail(), record, profile)), [
      ...flows.map(() => undefined),
    ]);
  });
});

Deno.test("the name is the file's, or the one given; a line break in it breaks nothing", async () => {
  await withFiles({ "my collector\n#1.ipfix": captureOf("antrea/v2.0") }, async (folder) => {
    for (const args of [[], ["--name", "a\nb: c"]]) {
      const { text, status } = await runCommand("profile", [
        "--from-capture",
        `${folder}/my collector\n#1.ipfix`,
        ...args,
      ]);
      assert.equal(status, 0);
      assert.equal(loadProfile("learnt.yaml", () => text).name, args[1] ?? "my collector\n#1");
    }
  });
});

Deno.test("a capture that is broken, empty or without templates writes nothing and ends with 1", async () => {
  const capture = captureOf("antrea/v2.0");
  const templates = concatenate(new AgentMessages(loadProfile("antrea/v2.0"), "node-1").templates()).length;
  const optionsOnly = new MessageBuilder().optionsTemplateSet([{
    id: 256,
    fields: loadProfile("antrea/v2.0").templates[0]?.fields.slice(0, 2) ?? [],
    scopeFieldCount: 1,
  }]).build();
  const files = {
    "cut.ipfix": capture.subarray(0, templates + 20),
    "empty.ipfix": "",
    "data.ipfix": capture.subarray(templates),
    "options.ipfix": optionsOnly,
    "http.ipfix": "GET / HTTP/1.1\r\n\r\n",
    "session.tar": new Uint8Array(1024).fill(48, 0, 8).fill(0x75, 257, 258).fill(0x73, 258, 259).fill(0x74, 259, 260)
      .fill(0x61, 260, 261).fill(0x72, 261, 262),
  };
  await withFiles(files, async (folder) => {
    for (
      const [file, expected, dialect = "rfc7011"] of [
        ["cut.ipfix", `broken message at octet ${templates} .*\n.*head -c ${templates} .*/cut.ipfix \\| profile`],
        ["empty.ipfix", "^error: empty\\.ipfix is empty\n$"],
        ["data.ipfix", "^error: data\\.ipfix holds no template \\("],
        ["options.ipfix", "holds no template that a profile can list\nnote: Options template 256 ", "go-ipfix"],
        ["http.ipfix", "octet 0 .* HTTP"],
        ["session.tar", "a tar archive"],
      ] as const
    ) {
      const { status, text, stderr } = await runCommand("profile", [
        ...["--from-capture", `${folder}/${file}`],
        ...["--dialect", dialect],
      ]);
      assert.deepEqual([status, text], [1, ""], file);
      assert.match(stderr, new RegExp(expected));
    }
  });
});

Deno.test("wrong usage ends with 2 and says what is right", async () => {
  for (
    const [args, expected] of [
      [[], /--from-capture <file> is missing/],
      [["--from-capture", "/nowhere.ipfix"], /--from-capture: cannot read \/nowhere\.ipfix: there is no such file/],
      [["--from-capture", "/"], /--from-capture: cannot read \/: it is a directory/],
      [["--from-capture", "-", "--name", " "], /--name: /],
      [["--from-capture", "-", "--dialect", "go-ipfx"], /--dialect .*rfc7011, go-ipfix, go-ipfix-legacy/],
    ] as const
  ) {
    const { status, text, stderr } = await runCommand("profile", args);
    assert.deepEqual([status, text], [2, ""], stderr);
    assert.match(stderr, expected);
  }
});

/** What `profile` learns from the octets, and what the proxy makes of them with it. */
async function throughOwnProfile(octets: Uint8Array) {
  let [text, output] = ["", new Uint8Array()];
  await withFiles({ "capture.ipfix": octets }, async (folder) => {
    const learnt = await runCommand("profile", ["--from-capture", `${folder}/capture.ipfix`]);
    assert.equal(learnt.status, 0, learnt.stderr);
    text = learnt.text;
    await Deno.writeTextFile(`${folder}/learnt.yaml`, text);
    await Deno.writeTextFile(
      `${folder}/proxy.yaml`,
      "listen: [{ transport: tcp, address: 127.0.0.1:0 }]\n" +
        "collector: { transport: tcp, address: 127.0.0.1:4739, profile: ./learnt.yaml }\n",
    );
    const rewritten = await runCommand("rewrite", ["--config", `${folder}/proxy.yaml`], { stdin: octets });
    assert.equal(rewritten.status, 0, rewritten.stderr);
    output = rewritten.stdout.slice();
  });
  return { text, output: output.toHex() };
}

Deno.test("a stream through the profile learnt from it is the same stream: two lists, one of them inside the other", async () => {
  const stream =
    "000a005a6553f10000000000000000010002002c010000020008000400070002010100030008000400070002000600010102000200080004" +
    "000600010100000a0a00000100500101000b0a000002005002010200090a00000302";
  const { text, output } = await throughOwnProfile(Uint8Array.fromHex(stream));
  assert.equal(output, stream);
  assert.match(
    text,
    /name: template-257\n +selectedBy: \[ sourceIPv4Address, sourceTransportPort, tcpControlBits \]/,
  );
});

Deno.test("a stream through the profile learnt from it is the same stream: options with elements that no registry knows", async () => {
  const stream =
    "000a005a6553f1000000000000000001000200140100000300080004000c0004000200080003001601010002000100950004806400040000" +
    "1ad7010000140a0000010a00000200000000000000070101000c000000010000004d";
  const { text, output } = await throughOwnProfile(Uint8Array.fromHex(stream));
  assert.equal(output, stream);
  assert.match(
    text,
    /name: options-257\n +scope: 1\n +fields:\n.*observationDomainId\n +- \{ element: 6871\/100, length: 4 \}/,
  );
});
