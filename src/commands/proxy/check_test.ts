import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Authority, type Issued } from "../../../test/support/certificates.ts";
import { runCommand } from "../../../test/support/processes/run_command.ts";

async function check(yaml: string, ...args: string[]) {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(file, yaml);
    return { file, ...await runCommand("check", ["--config", file, ...args]) };
  } finally {
    await Deno.remove(file);
  }
}

const CONFIGURATION = `
listen: [{ transport: tcp, address: 127.0.0.1:24739 }]
collector: { transport: tcp, address: 127.0.0.1:4739, profile: antrea/v1.15 }
peers:
  - match: { profile: antrea/v2.0 }
    plugins:
      - use: strip-unknown
        with: { remove: unknown }
`;

Deno.test("check shows profile, dialect and chain of each rule", async () => {
  const { status, text, stderr } = await check(CONFIGURATION);
  assert.deepEqual([status, stderr], [0, ""]);
  assert.match(text, /listen +tcp 127\.0\.0\.1:24739/);
  assert.match(text, /collector +tcp 127\.0\.0\.1:4739, antrea\/v1\.15 \(dialect\s+go-ipfix-legacy\)/);
  assert.match(text, /dialect +messagesPerWrite unlimited, setsPerMessage 1,\s+templateRecordsPerSet 1,/);
  assert.match(text, /plugins +map-fields .*\n +strip-unknown .*\n +pad-missing .*\n +match-order/);
  assert.match(text, /peers\[0\], for profile antrea\/v2\.0\n(.*\n)+ +plugins +strip-unknown {"remove":"unknown"/);
});

Deno.test("check shows integers beyond 2^53 in a plugin's options, as text and in JSON", async () => {
  const plugins = "plugins: [{ use: pad-missing, with: { values: { octetDeltaCount: 18446744073709551615 } } }]\n";
  for (const args of [[], ["--json"]]) {
    const { status, text, stderr } = await check(CONFIGURATION + plugins, ...args);
    assert.deepEqual([status, stderr], [0, ""]);
    assert.match(text, /"octetDeltaCount": ?"18446744073709551615"/);
  }
});

Deno.test("check --json gives the same for programs", async () => {
  const { status, text, file } = await check(CONFIGURATION, "--json");
  assert.equal(status, 0);
  const description = JSON.parse(text);
  assert.equal(description.file, file);
  assert.deepEqual([description.profile, description.dialect, description.mode], [
    "antrea/v1.15",
    "go-ipfix-legacy",
    "rewrite",
  ]);
  assert.deepEqual(description.chain.map(({ use }: { use: string }) => use), [
    "map-fields",
    "strip-unknown",
    "pad-missing",
    "match-order",
  ]);
  const { templateScope, messagesPerWrite, undecodableTypes } = description.dialectLimits;
  assert.deepEqual([templateScope, messagesPerWrite], ["observation-domain", "unlimited"]);
  assert.ok(undecodableTypes.includes("basicList"));
  assert.equal(description.peers[0].chain[0].options.remove, "unknown");
});

Deno.test("check refuses a kubeconfig that serve would refuse, in one line", async () => {
  const kubeconfig = await Deno.makeTempFile();
  try {
    const cluster =
      `collector: { address: 127.0.0.1:4739, profile: rfc7011 }\nkubernetes: { kubeconfig: ${kubeconfig} }\n`;
    const listen = "listen: [{ transport: tls, address: 127.0.0.1:24739, tls: { mode: mint } }]\n";
    const { status, text, stderr, file } = await check(listen + cluster);
    assert.deepEqual([status, text], [2, ""]);
    assert.match(stderr, /: kubeconfig \S+: not a kubeconfig: [^\n]+\n$/);
    assert.ok(stderr.startsWith(`${file}: `));
  } finally {
    await Deno.remove(kubeconfig);
  }
});

Deno.test("check shows where templates are kept, and writes nothing there", async () => {
  const yaml = `${CONFIGURATION}cache: { file: /nowhere/templates, interval: 5s }\n`;
  const { status, text } = await check(yaml);
  assert.equal(status, 0);
  assert.match(text, /cache +\/nowhere\/templates, every 5s, at most 16MiB/);
});

Deno.test("check shows durations and sizes as they were written, and defaults in a unit that fits", async () => {
  const { text } = await check(`
listen: [{ transport: tcp, address: 127.0.0.1:24739 }]
collector: { transport: udp, address: 127.0.0.1:4739, profile: rfc7011, templateRefresh: 120s }
limits: { hold: 90000ms, idle: 60m, templateMemory: 131072KiB }
admin: { skewSettle: 600s }
cache: { file: /nowhere/templates, size: 2048KiB }
`);
  assert.match(text, /templates are sent again every\s+120s/);
  assert.match(text, /limits +sessions 5000,[^]* hold 90000ms,\s+idle 60m,\s+udpIdle 5m,/);
  assert.match(text, /templateMemory\s+131072KiB,\s+messageMemory\s+48MiB,/);
  assert.match(text, /admin +127\.0\.0\.1:24780, skewSettle 600s/);
  assert.match(text, /every 30s, at most 2048KiB/);
});

Deno.test("check says which task starts the proxy, or the whole command where no task has the permissions", async () => {
  const start = async (yaml: string) => {
    const { file, text } = await check(CONFIGURATION + yaml);
    return /\n {2}start +(.*)\n/.exec(text)?.[1]?.replaceAll(file, "FILE");
  };
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(
      `${folder}/none.ts`,
      `import { definePlugin, z } from "@ipfix-skew-proxy/proxy/plugin";
export default definePlugin({
  name: "none",
  summary: "changes nothing",
  options: z.strictObject({}),
  create: () => ({ name: "none", rewrite: (mapping) => mapping }),
});
`,
    );
    const beside = `cache: ${Deno.cwd()}/cache/templates\n`;
    const plugins = `plugins: [{ use: ${folder}/none.ts }]\n`;
    assert.equal(await start(""), "deno task serve --config FILE");
    assert.equal(await start(beside), "deno task serve:cache --config FILE");
    assert.equal(await start(plugins), "deno task serve:plugins --config FILE");
    assert.equal(
      await start(`${plugins}cache: /var/lib/templates\n`),
      "deno run --v8-flags=--expose-gc,--managed-zone-memory,--heap-growing-percent=40,--optimize-for-size,--compaction-max-evacuated-bytes-mb-for-reduce-memory=2,--max-semi-space-size=8,--memory-pool-timeout=1 --quiet --no-prompt -P=proxy --allow-write=/var/lib " +
        `--allow-run="$(deno eval -p 'Deno.execPath()')" src/main.ts serve --config FILE`,
    );
    assert.match(await start("cache: /var/lib/templates\n") ?? "", / -P=proxy --allow-write=\/var\/lib src\/main\.ts /);
    const rule = CONFIGURATION.replace("- use: strip-unknown", `- use: ${folder}/none.ts`).replace(/^.*with:.*$/m, "");
    assert.match((await check(rule)).text, /\n {2}start +deno task serve:plugins /);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("without --config, check takes the file that serve takes", async () => {
  const { status, text } = await runCommand("check");
  assert.equal(status, 0);
  assert.match(text, /^config\/proxy\.yaml is valid\.\n/);
});

Deno.test("check names every mistake, on standard error, with status 2", async () => {
  const { status, text, stderr } = await check(
    "listen: []\ncollector: { address: nowhere, profile: antrea/v1.15 }\nlimit: 1\n",
  );
  assert.deepEqual([status, text], [2, ""]);
  assert.match(stderr, /:1:\d+: listen: /);
  assert.match(stderr, /:2:\d+: collector\.address: "nowhere" is not allowed/);
  assert.match(stderr, /:3:\d+: limit: unknown key/);
});

const authority = await Authority.create("cluster");

/** Runs `check` and, where asked for, `serve` in a folder with these certificates. */
async function withCertificates<Result>(
  issued: Issued,
  ca: string,
  run: (args: readonly string[], folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/tls.crt`, issued.certificate);
    await Deno.writeTextFile(`${folder}/tls.key`, issued.key);
    await Deno.writeTextFile(`${folder}/ca.crt`, ca);
    await Deno.writeTextFile(
      `${folder}/proxy.yaml`,
      `listen:
  - { transport: tls, address: "127.0.0.1:0", tls: { certificate: tls.crt, key: tls.key, ca: ca.crt } }
  - { transport: tls, address: "127.0.0.1:0", tls: { mode: mint } }
collector: { transport: tcp, address: "127.0.0.1:4739", profile: antrea/v1.15 }
admin: { address: "127.0.0.1:0" }
`,
    );
    return await run(["--config", `${folder}/proxy.yaml`], folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("check shows subject, names, issuer and validity of every certificate, and which come from a cluster", async () => {
  const issued = await authority.issue({ name: "aggregator", dns: ["a.svc", "b.svc"], addresses: ["127.0.0.1"] });
  await withCertificates(issued, authority.pem, async (args, folder) => {
    const { status, text, stderr } = await runCommand("check", args);
    assert.equal(status, 0, stderr);
    const line = text.replaceAll(/\s+/g, " ");
    const time = "\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z";
    for (
      const expected of [
        `listen\\[0\\]\\.tls\\.certificate \\(${folder}/tls\\.crt\\): CN=aggregator; for a\\.svc, b\\.svc, 127\\.0\\.0\\.1; issued by CN=cluster; valid from ${time} to ${time}`,
        `listen\\[0\\]\\.tls\\.ca \\(${folder}/ca\\.crt\\): CN=cluster; issued by itself; valid from`,
        "listen\\[1\\]\\.tls: from the cluster \\(mode mint\\), which check does not read",
      ]
    ) assert.match(line, new RegExp(expected));
    const { certificates } = JSON.parse((await runCommand("check", [...args, "--json"])).text);
    assert.deepEqual(certificates.map(({ path }: { path: string }) => path), [
      "listen[0].tls.certificate",
      "listen[0].tls.ca",
      "listen[1].tls",
    ]);
    assert.deepEqual(Object.keys(certificates[0]), [
      "path",
      "file",
      "subject",
      "names",
      "issuer",
      "validFrom",
      "expiresAt",
    ]);
    assert.deepEqual(certificates[0].names, ["a.svc", "b.svc", "127.0.0.1"]);
    assert.equal(certificates[2].mode, "mint");
  });
});

Deno.test("a warning says that a `ca` file holds no CA's certificate, and that an Aggregator does not serve gRPC", async () => {
  const issued = await authority.issue({ name: "a" });
  const leaf = await withCertificates(issued, issued.certificate, (args) => runCommand("check", args));
  assert.equal(leaf.status, 0, leaf.stderr);
  assert.match(
    leaf.text.replaceAll(/\s+/g, " "),
    /warning listen\[0\]\.tls\.ca: \S+ holds no certificate of a CA, so none that it issued is accepted/,
  );
  const good = await withCertificates(issued, authority.pem, (args) => runCommand("check", args));
  assert.doesNotMatch(good.text, /warning/);
  for (const [profile, isWarned] of [["antrea/v2.3", true], ["antrea/v2.4", false], ["rfc7011", false]] as const) {
    const yaml = `listen: [{ address: "127.0.0.1:0" }]
collector: { transport: grpc, address: "127.0.0.1:14739", profile: ${profile}, tls: { mode: mint } }
`;
    const { status, text, stderr } = await check(yaml);
    assert.equal(status, 0, stderr);
    assert.equal(/warning +collector\.transport: grpc, but an Aggregator of antrea\/v2\.3/.test(text), isWarned, text);
  }
});

Deno.test("a certificate that is not valid now is a mistake; an old CA certificate beside a valid one is a warning", async () => {
  const old = (await authority.issue({ name: "old CA", days: -1 })).certificate;
  for (
    const [issued, ca, line] of [
      [
        await authority.issue({ name: "a", days: -1 }),
        authority.pem,
        /^\S+:2:\d+: listen\[0\]\.tls\.certificate: \S+tls\.crt: CN=a expired at \S+ \(a certificate that is valid\)\n$/,
      ],
      [
        await authority.issue({ name: "a", from: 1, days: 2 }),
        old,
        /\.certificate: \S+tls\.crt: CN=a is not valid before .*\n.*listen\[0\]\.tls\.ca: \S+ca\.crt: CN=old CA expired at /,
      ],
    ] as const
  ) {
    const { status, text, stderr } = await withCertificates(issued, ca, (args) => runCommand("check", args));
    assert.deepEqual([status, text], [2, ""], stderr);
    assert.match(stderr, line);
  }
  const both = `${old}\n${authority.pem}`;
  const { status, text } = await withCertificates(
    await authority.issue({ name: "a" }),
    both,
    (args) => runCommand("check", args),
  );
  assert.equal(status, 0);
  assert.match(
    text.replaceAll(/\s+/g, " "),
    /warning listen\[0\]\.tls\.ca: \S+: CN=old CA expired at \S+; other certificates in it are valid/,
  );
});

Deno.test("a key of another certificate is named at its place", async () => {
  const [one, other] = [await authority.issue({ name: "a" }), await authority.issue({ name: "b" })];
  const issued = { certificate: one.certificate, key: other.key };
  const { status, stderr } = await withCertificates(issued, authority.pem, (args) => runCommand("check", args));
  assert.equal(status, 2);
  assert.match(stderr, /:2:\d+: listen\[0\]\.tls\.key: \S+tls\.key does not belong to the certificate \S+tls\.crt/);
});

const TLS = "listen: [{ transport: tls, address: 127.0.0.1:0, tls: { certificate: tls.pem, key: tls.pem } }]";
const REFUSED: readonly (readonly [what: string, yaml: string, line: RegExp])[] = [
  [
    "a certificate that is none",
    CONFIGURATION.replace(/listen.*/, TLS),
    /proxy\.yaml:2:\d+: listen\[0\]\.tls\.certificate: .*tls\.pem: certificate 1 cannot be read\n/,
  ],
  [
    "a tls mode",
    CONFIGURATION.replace(/listen.*/, TLS.replace("{ cert", "{ mode: minted, cert")),
    /"minted" is not allowed/,
  ],
  ["a profile", CONFIGURATION.replace("antrea/v1.15", "automatic"), /unknown profile "automatic"/],
  ["a rule's mode", CONFIGURATION.replace("plugins:", "mode: watch\n    plugins:"), /"watch" is not allowed/],
  [
    "a rule's collector",
    CONFIGURATION.replace("plugins:", "collector: { address: h }\n    plugins:"),
    /"h" is not allowed/,
  ],
];

for (const [what, yaml, line] of REFUSED) {
  Deno.test(`check refuses what serve refuses, in the same words: ${what}`, async () => {
    const directory = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(
        `${directory}/tls.pem`,
        "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n",
      );
      await Deno.writeTextFile(`${directory}/proxy.yaml`, yaml);
      const args = ["--config", `${directory}/proxy.yaml`];
      const [checked, served] = await Promise.all([runCommand("check", args), runCommand("serve", args)]);
      assert.match(checked.stderr, line);
      assert.deepEqual([checked.status, checked.text, checked.stderr], [2, "", served.stderr]);
      assert.equal(served.status, 2);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

Deno.test("check says that profile: auto is followed from the cluster, and what holds until it is known", async () => {
  const automatic = CONFIGURATION.replace("antrea/v1.15", "auto") + "kubernetes: { namespace: flow-aggregator }\n";
  const { status, text } = await check(automatic);
  assert.equal(status, 0);
  const words = text.replace(/\s+/g, " ");
  assert.match(words, /, auto: followed from the cluster; until the release is known, no exporter is let in/);
  assert.doesNotMatch(words, /rfc7011/);
  const fallback = automatic.replace("profile: auto", "profile: auto, fallbackProfile: antrea/v2.0");
  assert.match(
    (await check(fallback)).text.replace(/\s+/g, " "),
    /, auto: followed from the cluster; until the release is known, it is treated as antrea\/v2\.0 \(dialect/,
  );
});

Deno.test("check shows the mode, the collector and how its restarts are seen of each rule", async () => {
  const own =
    'mode: observe\n    collector: { transport: udp, address: "h:1", profile: antrea/v2.0, templateRefresh: 5s }';
  const { text } = await check(CONFIGURATION.replace("plugins:", `${own}\n    plugins:`));
  const words = text.slice(text.indexOf("peers[0]")).replace(/\s+/g, " ");
  assert.match(words, /mode observe collector udp h:1, antrea\/v2\.0 .* restarts not seen .* every 5s;/);
});

Deno.test("check warns of a release that is newer than all known ones, and says what stands for it", async () => {
  const yaml = CONFIGURATION.replace("antrea/v1.15", "antrea/v2.8");
  const { status, text } = await check(yaml);
  assert.equal(status, 0);
  assert.match(text, /warning +antrea\/v2\.8 is newer than every release/);
  assert.match(text, /collector +tcp 127\.0\.0\.1:4739, antrea\/v2\.7 /);
  const [warning] = JSON.parse((await check(yaml, "--json")).text).warnings;
  assert.match(warning, /antrea\/v2\.7\s+stands for it/);
  assert.doesNotMatch((await check(CONFIGURATION)).text, /warning/);
});

Deno.test("check warns of a chain that lets elements through that the collector does not know", async () => {
  const yaml = (profile: string, chain: string) =>
    `listen: [{ address: "127.0.0.1:0" }]
collector: { address: "127.0.0.1:4739", profile: ${profile} }
${chain}
`;
  const pad = "plugins: [{ use: pad-missing }, { use: match-order }]";
  const { status, text } = await check(yaml("antrea/v1.15", pad));
  assert.equal(status, 0);
  assert.match(
    text.replaceAll(/\s+/g, " "),
    /warning plugins: lets egressNodeName of antrea\/v2\.0 through, which antrea\/v1\.15 does not know: some decoders refuse/,
  );
  const rule = `peers: [{ match: { address: 10.0.0.1 }, ${pad} }]`;
  assert.deepEqual(
    JSON.parse((await check(yaml("antrea/v1.15", rule), "--json")).text).warnings.map((line: string) =>
      line.slice(0, 23)
    ),
    ["peers[0].plugins: lets "],
  );
  assert.doesNotMatch((await check(yaml("rfc7011", "plugins: []"))).text, /warning/);
});

Deno.test("options of a plugin of one's own: every mistake at once, in the same words in a process of its own and in this one", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(
      `${folder}/mine.ts`,
      `import { definePlugin, z } from "@ipfix-skew-proxy/proxy/plugin";
export default definePlugin({
  apiVersion: 1,
  name: "mine",
  summary: "does nothing",
  options: z.strictObject({ count: z.number(), name: z.string(), list: z.array(z.boolean()).optional() }),
  create: () => ({ name: "mine", rewrite: (mapping) => mapping }),
});
`,
    );
    const said: string[] = [];
    for (const isolate of [true, false]) {
      const plugins =
        `plugins: [{ use: ${folder}/mine.ts, isolate: ${isolate}, with: { count: x, list: [1], nam: 1 } }]`;
      const { status, stderr, file } = await check(CONFIGURATION.replace(/peers:[^]*/, plugins));
      assert.equal(status, 2);
      said.push(stderr.replaceAll(`${file}:`, "").replaceAll(/^\d+:\d+: /gm, ""));
    }
    assert.deepEqual(said[0]?.trimEnd().split("\n").sort(), [
      'plugins[0].with.count: "x" is not allowed (a number)',
      "plugins[0].with.list[0]: 1 is not allowed (true, false)",
      'plugins[0].with.nam: unknown key, did you mean "name"? (count, name, list)',
      "plugins[0].with.name: missing (text)",
    ]);
    assert.equal(said[0], said[1]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("plugins of your own work wherever the proxy lies, also where a URL writes its folder in another way", async () => {
  const folder = await Deno.makeTempDir();
  const proxy = `${folder}/a folder é%20`;
  try {
    await Deno.symlink(fileURLToPath(new URL("../../../", import.meta.url)), proxy);
    await Deno.writeTextFile(
      `${folder}/mine.ts`,
      `import { z } from "@ipfix-skew-proxy/proxy/plugin";
export default { name: "mine", summary: "", options: z.strictObject({}), create: () => ({ name: "mine", rewrite: (mapping) => mapping }) };`,
    );
    await Deno.writeTextFile(
      `${folder}/proxy.yaml`,
      `listen: [{ address: 127.0.0.1:0 }]
collector: { address: 127.0.0.1:9, profile: rfc7011 }
plugins: [{ use: ./mine.ts }]`,
    );
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-all", `${proxy}/src/main.ts`, "check", "--config", `${folder}/proxy.yaml`],
      env: { NO_COLOR: "1" },
    }).output();
    assert.deepEqual([code, new TextDecoder().decode(stderr)], [0, ""]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
