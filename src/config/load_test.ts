import assert from "node:assert/strict";
import fc from "fast-check";
import { definePlugin, z } from "../mediation/mapping/plugin.ts";
import { PluginHost } from "../plugin_process/plugin_host.ts";
import { loadConfiguration } from "./load.ts";
import { ConfigurationError } from "./yaml/mistake.ts";
import { Authority } from "../../test/support/certificates.ts";
import { type Files, load, mistakes, RIGHT } from "../../test/support/configuration.ts";

const authority = await Authority.create("cluster");
const aggregator = await authority.issue({ name: "aggregator" });
const PEM: Files = Object.fromEntries(
  Object.entries({ "pki/tls.crt": aggregator.certificate, "pki/tls.key": aggregator.key, "pki/ca.crt": authority.pem }),
);

Deno.test("cache: a file, or a file and how it is written; from the configuration's directory", async () => {
  assert.equal((await load(RIGHT)).cache, undefined);
  const plain = { file: "kept/templates", interval: 30_000, size: 16 * 1024 * 1024 };
  assert.deepEqual((await load(`${RIGHT}cache: kept/templates\n`)).cache, plain);
  const { cache } = await load(`${RIGHT}cache: { file: /var/lib/templates, interval: 5s, size: 64KiB }\n`);
  assert.deepEqual(cache, { file: "/var/lib/templates", interval: 5_000, size: 65_536 });
});

Deno.test("ledger: values are kept where that is asked for", async () => {
  assert.deepEqual((await load(`${RIGHT}ledger: { values: true }\n`)).ledger, { values: true });
  assert.deepEqual((await load(`${RIGHT}ledger: {}\n`)).ledger, { values: false });
});

Deno.test("missing keys have their defaults", async () => {
  const configuration = await load(RIGHT);
  const { listeners, collector, collectors, mode, admin, limits, ledger, log, cache, peers, files, automaticChain } =
    configuration;
  const address = { hostname: "127.0.0.1", port: 4739 };
  assert.deepEqual(listeners, [{ transport: "tcp", address: { hostname: "0.0.0.0", port: 24739 } }]);
  assert.deepEqual([collector, collectors], [{ transport: "tcp", address }, [collector]]);
  assert.deepEqual([mode, admin, ledger, log, cache, peers, files, automaticChain], [
    "rewrite",
    { address: { hostname: "127.0.0.1", port: 24780 }, skewSettle: 10_000, hosts: [] },
    { values: false },
    { level: "info", format: "json" },
    undefined,
    [],
    ["proxy.yaml"],
    true,
  ]);
  assert.deepEqual(limits, {
    sessions: 5000,
    templatesPerSession: 256,
    templates: 65536,
    observationDomainsPerSession: 256,
    templateChanges: 1000,
    templateMemory: 48 * 2 ** 20,
    messageMemory: 48 * 2 ** 20,
    memory: 400 * 2 ** 20,
    hold: 600_000,
    idle: 0,
    udpIdle: 300_000,
    partialMessage: 30_000,
    drain: 10_000,
    handshake: 10_000,
  });
});

Deno.test("the values in config/proxy.yaml, commented ones included, are the defaults", async () => {
  const path = new URL("../../config/proxy.yaml", import.meta.url);
  const yaml = await Deno.readTextFile(path);
  const asIs = await load(yaml);
  const uncommented = yaml.replace(/^# (?=(?: {2}|(?:mode|plugins|peers|admin|limits|log):))/gm, "");
  const all = await load(uncommented, PEM);
  const { listeners, collector, mode, admin, limits, log, treatment } = all;
  assert.deepEqual(
    { collector, mode, admin, limits, log },
    (({ collector, mode, admin, limits, log }) => ({ collector, mode, admin, limits, log }))(asIs),
  );
  assert.deepEqual([asIs.listeners, asIs.treatment.profile.name], [[listeners[0]], "antrea/v1.15"]);
  assert.deepEqual(listeners[1]?.tls, {
    certificate: "pki/tls.crt",
    key: "pki/tls.key",
    ca: "pki/ca.crt",
    requireClientCertificate: true,
  });
  assert.deepEqual([all.peers.length, all.automaticChain, asIs.automaticChain], [3, false, true]);
  const steps = treatment.chain.map(({ use, options }) => [use, options]);
  const padding = steps.findIndex(([use]) => use === "pad-missing");
  assert.deepEqual(steps[padding], ["pad-missing", { values: { egressNodeName: "unknown" } }]);
  steps[padding] = ["pad-missing", { values: {} }];
  assert.deepEqual(steps, asIs.treatment.chain.map(({ use, options }) => [use, options]));
  assert.equal((await loadConfiguration(path.pathname)).collector.address.port, 4739);
});

const LIMITS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  sessions: fc.integer({ min: 1, max: 1_000_000 }),
  templatesPerSession: fc.integer({ min: 1, max: 65_280 }),
  templates: fc.integer({ min: 1, max: 100_000_000 }),
  observationDomainsPerSession: fc.integer({ min: 1, max: 1_000_000 }),
  templateChanges: fc.integer({ min: 1, max: 1_000_000 }),
  templateMemory: fc.constantFrom("1MiB", "2GiB"),
  messageMemory: fc.constantFrom("1MiB", "64MiB"),
  memory: fc.constantFrom("192MiB", "1GiB"),
  hold: fc.constantFrom("0s", "250ms", "576h"),
  idle: fc.constantFrom("0s", "5m"),
  partialMessage: fc.constantFrom("1s", "30s"),
  drain: fc.constantFrom("0s", "1h"),
  handshake: fc.constantFrom("1ms", "10s"),
};

const dialect = fc.oneof(
  fc.constantFrom("rfc7011", "go-ipfix", "go-ipfix-legacy", "go-ipfix-stream-read"),
  fc.record({
    messagesPerWrite: fc.constantFrom(1, "unlimited"),
    setPadding: fc.boolean(),
    fieldLengths: fc.constantFrom("template", "registry"),
    maxDatagram: fc.constantFrom(512, "1KiB"),
    templateScope: fc.constantFrom("session", "observation-domain"),
    undecodableTypes: fc.subarray(["basicList", "octetArray"]),
  }, { requiredKeys: [] }),
);

const plugins = fc.array(fc.constantFrom(
  { use: "match-order" },
  { use: "match-order", with: {} },
  { use: "annotate-exporter" },
  { use: "strip-unknown", with: { remove: "unknown" } },
  { use: "pad-missing", with: { values: { egressName: "none" } } },
));

const profile = fc.constantFrom("antrea/v0.12", "antrea/v1.15.2", "antrea/v2.7", "rfc7011");

const right = fc.record({
  listen: fc.constant([{ transport: "udp", address: "[::]:0" }, { address: "localhost:24739" }]),
  collector: fc.record({ address: fc.constantFrom("collector.example:4739", "[::1]:1"), profile, dialect }, {
    requiredKeys: ["address", "profile"],
  }),
  mode: fc.constantFrom("rewrite", "observe"),
  plugins,
  peers: fc.array(fc.oneof(
    fc.record({
      match: fc.record({ address: fc.constantFrom("10.0.0.0/8", "::/0", "192.0.2.1") }),
      collector: fc.record({ profile, dialect }, { requiredKeys: [] }),
      plugins,
    }, { requiredKeys: ["match"] }),
    fc.record({
      match: fc.record({ observationDomain: fc.nat(), profile: fc.constantFrom("antrea/v2.0", "antrea/v2.3.1") }, {
        requiredKeys: ["observationDomain"],
      }),
      collector: fc.record({ profile }, { requiredKeys: [] }),
      plugins,
    }, { requiredKeys: ["match"] }),
  )),
  admin: fc.record({ address: fc.constant("127.0.0.1:0") }, { requiredKeys: [] }),
  limits: fc.record(LIMITS, { requiredKeys: [] }),
  log: fc.record({ level: fc.constantFrom("debug", "error"), format: fc.constantFrom("json", "text") }, {
    requiredKeys: [],
  }),
  cache: fc.constant("templates.json"),
}, { requiredKeys: ["listen", "collector"] });

Deno.test("any choice of valid keys loads, and every given value is in force", async () => {
  await fc.assert(
    fc.asyncProperty(right, async (choice) => {
      const configuration = await load(JSON.stringify(choice));
      assert.equal(configuration.mode, choice.mode ?? "rewrite");
      assert.equal(configuration.treatment.profile.name, choice.collector.profile);
      assert.equal(configuration.peers.length, choice.peers?.length ?? 0);
      for (const [key, value] of Object.entries(choice.limits ?? {})) {
        if (typeof value === "number") assert.equal(Reflect.get(configuration.limits, key), value);
      }
      if (choice.plugins !== undefined) {
        assert.deepEqual(configuration.treatment.plugins.map(({ name }) => name), choice.plugins.map(({ use }) => use));
      }
      for (const observationDomain of [0, 7]) {
        const peer = { address: "10.1.2.3", observationDomain };
        assert.equal(configuration.chooseTreatment(peer), configuration.chooseTreatment({ ...peer }));
      }
    }),
    { numRuns: 150 },
  );
});

Deno.test("loading any file yields a configuration or mistakes", async () => {
  const key = fc.constantFrom(
    "listen",
    "collector",
    "plugins",
    "peers",
    "use",
    "with",
    "match",
    "address",
    "tls",
    "profile",
    "__proto__",
  );
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 1 }),
    fc.constantFrom(...["0.0.0.0:1", "antrea/v2.0", "tls", "strip-unknown", "./x.yaml", "10.0.0.0/8", "../.."]),
    fc.dictionary(
      key,
      fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.array(fc.dictionary(key, fc.jsonValue({ maxDepth: 1 })))),
    ),
  );
  await fc.assert(
    fc.asyncProperty(fc.dictionary(key, fc.oneof(value, fc.array(value))), async (choice) => {
      for (const line of await mistakes(JSON.stringify(choice))) {
        assert.match(line, /^proxy\.yaml:\d+:\d+: .+ \(.*\)$|^and \d+ more$/s);
      }
    }),
    { numRuns: 100 },
  );
  const text = fc.string({ unit: fc.constantFrom(..."[]{}:,-&*!|>'\"#%@` \n\tab01.", "listen: ", "<<: ", "--- ") });
  await fc.assert(
    fc.asyncProperty(text, async (yaml) => {
      for (const line of await mistakes(yaml)) assert.match(line, /^proxy\.yaml:\d+:\d+: /);
    }),
    { numRuns: 500, examples: [["listen: \n>[\n["]] },
  );
});

Deno.test("aliases that grow without bound and lists without end in depth are mistakes", async () => {
  const bomb = ["a: &a [x, x, x, x, x, x, x, x, x, x]"];
  for (const [one, next] of ["ab", "bc", "cd", "de", "ef"]) bomb.push(`${next}: &${next} [${`*${one}, `.repeat(10)}]`);
  assert.deepEqual(await mistakes(bomb.join("\n")), [
    "proxy.yaml:1:1: YAML: aliases stand for too many values (fewer aliases)",
  ]);
  // How deep is too deep is up to the stack.
  const [deep, ...more] = await mistakes("[".repeat(100_000));
  assert.match(deep ?? "", /^proxy\.yaml:1:\d+: YAML: nested too deeply \(at most a few hundred levels\)$/);
  assert.deepEqual(more, []);
});

Deno.test("a file that cannot be read is a mistake, and is named for watching", async () => {
  await assert.rejects(loadConfiguration("/nowhere/proxy.yaml"), (error) => {
    assert(error instanceof ConfigurationError);
    assert.equal(
      error.message,
      "/nowhere/proxy.yaml: cannot be read: there is no such file",
    );
    assert.deepEqual(error.files, ["/nowhere/proxy.yaml"]);
    return true;
  });
});

const doubled = definePlugin({
  name: "doubled",
  summary: "for tests",
  options: z.strictObject({ element: z.string(), list: z.array(z.string()).default([]) }),
  create({ element, list }) {
    if (element === "bad") throw new Error('"bad" is no element');
    if (list.length > 1) throw new AggregateError(list.map((word) => new Error(`list: "${word}" is wrong`)));
    if (list.length > 0) throw new Error("list: too long\nand more");
    return { name: "doubled", rewrite: (mapping) => mapping };
  },
});

Deno.test("outside plugins are found from the file's directory, or by npm specifier", async () => {
  const yaml =
    `${RIGHT}plugins: [{ use: ./doubled.ts, isolate: false, with: { element: a } }, { use: npm:doubled, isolate: false, with: { element: b } }]\n`;
  const { treatment, files, warnings } = await load(yaml, { "doubled.ts": "" }, {
    "doubled.ts": { default: doubled },
    "npm:doubled": { default: doubled },
  });
  assert.deepEqual(treatment.chain.map(({ use, options, plugin }) => [use, options, plugin.name]), [
    ["./doubled.ts", { element: "a", list: [] }, "doubled"],
    ["npm:doubled", { element: "b", list: [] }, "doubled"],
  ]);
  assert.deepEqual(files, ["proxy.yaml", "doubled.ts"]);
  const risk = "runs in the proxy itself: it can read the private keys, and by a loop or its memory stop every session";
  assert.deepEqual(warnings, [
    `plugins[0].isolate: ./doubled.ts ${risk}`,
    `plugins[1].isolate: npm:doubled ${risk}`,
  ]);
});

Deno.test("a plugin that cannot be loaded is tried once, and named at every step that uses it", async () => {
  let starts = 0;
  class Host extends PluginHost {
    override process(use: string, specifier: string) {
      starts++;
      return super.process(use, specifier);
    }
  }
  const source = "throw new Error('not today');";
  const yaml =
    `${RIGHT}plugins: [{ use: ./own.js }]\npeers: [{ match: { address: ::1 }, plugins: [{ use: ./own.js }] }]\n`;
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/own.js`, source);
    await Deno.writeTextFile(`${folder}/proxy.yaml`, yaml);
    await assert.rejects(
      loadConfiguration(`${folder}/proxy.yaml`, { plugins: new Host() }),
      /:3:18: plugins\[0\]\.use: cannot load .*not today.*\n.*:4:53: peers\[0\]\.plugins\[0\]\.use: cannot load .*not today/,
    );
    assert.equal(starts, 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("mistakes that an outside plugin reports have their place in the file", async () => {
  const step = (options: string) =>
    `${RIGHT}plugins:\n  - use: ./doubled.ts\n    with: ${options}\n    isolate: false\n`;
  const of = (options: string, module: unknown = { default: doubled }) =>
    mistakes(step(options), { "doubled.ts": "" }, { "doubled.ts": module });
  assert.deepEqual(await of("{}"), ["proxy.yaml:5:11: plugins[0].with.element: missing (text)"]);
  assert.deepEqual(await of("{ element: bad }"), ['proxy.yaml:5:22: plugins[0].with.element: "bad" is no element']);
  assert.deepEqual(await of("{ element: a, list: [b] }"), ["proxy.yaml:5:31: plugins[0].with.list: too long"]);
  assert.deepEqual(await of("{ element: a, list: [b, 5, c], foo: 1 }"), [
    'proxy.yaml:5:32: plugins[0].with.list[0]: "b" is wrong',
    "proxy.yaml:5:35: plugins[0].with.list[1]: 5 is not allowed (text)",
    'proxy.yaml:5:38: plugins[0].with.list[2]: "c" is wrong',
    "proxy.yaml:5:42: plugins[0].with.foo: unknown key (element, list)",
  ]);
  // What is left without its mistakes is not what was meant: what has no place in the file may follow from that.
  assert.deepEqual(await of("{ element: a, list: [b, 5] }"), [
    "proxy.yaml:5:31: plugins[0].with.list: too long",
    "proxy.yaml:5:35: plugins[0].with.list[1]: 5 is not allowed (text)",
  ]);
  const bad = "./doubled.ts has no plugin as its default export (name, summary, options: a zod schema, create)";
  for (
    const module of [{}, { default: {} }, { default: { ...doubled, options: {} } }, {
      default: { ...doubled, name: "" },
    }, {
      default: {
        ...doubled,
        get name() {
          throw new Error("no name");
        },
      },
    }]
  ) {
    assert.deepEqual(await of("{}", module), [`proxy.yaml:4:10: plugins[0].use: ${bad}`]);
  }
  assert.deepEqual(await of("{ element: a }", { default: { ...doubled, create: () => ({ name: "doubled" }) } }), [
    "proxy.yaml:4:10: plugins[0].use: ./doubled.ts created no plugin (an object with name and rewrite)",
  ]);
  const hidden = {
    name: "doubled",
    get rewrite() {
      throw new Error("no rewrite");
    },
  };
  assert.deepEqual(await of("{ element: a }", { default: { ...doubled, create: () => hidden } }), [
    "proxy.yaml:4:10: plugins[0].use: ./doubled.ts created no plugin (an object with name and rewrite)",
  ]);
  const textless = () => {
    throw Object.create(null);
  };
  assert.deepEqual(await of("{ element: a }", { default: { ...doubled, create: textless } }), [
    "proxy.yaml:5:11: plugins[0].with: something was thrown that has no text",
  ]);
});

Deno.test("a plugin file that has changed is loaded as a new module", async () => {
  const directory = await Deno.makeTempDir();
  const [yaml, plugin] = [`${directory}/proxy.yaml`, `${directory}/own.js`];
  const source = (word: string) =>
    `export default { name: "own", summary: "its own", options: { safeParse: (data) => ({ success: true, data }) },
      create: () => ({ name: "${word}", rewrite: (mapping) => mapping }) };`;
  try {
    await Deno.writeTextFile(yaml, `${RIGHT}plugins: [{ use: ./own.js, isolate: false }]\n`);
    for (const word of ["one", "two"]) {
      await Deno.writeTextFile(plugin, source(word));
      const { treatment, files } = await loadConfiguration(yaml);
      assert.equal(treatment.plugins[0]?.name, word);
      assert.deepEqual(files, [yaml, plugin]);
    }
    await Deno.writeTextFile(plugin, "\n\nexport default {{};\n");
    await assert.rejects(loadConfiguration(yaml), (error: Error) => {
      assert.ok(error.message.includes(` at ${plugin}:3:`), error.message);
      assert.doesNotMatch(error.message, /\n|file:/);
      return true;
    });
    await Deno.writeTextFile(plugin, "throw new Error('not today');");
    await assert.rejects(loadConfiguration(yaml), {
      message:
        `${yaml}:3:18: plugins[0].use: cannot load ./own.js: not today (a module whose default export is a plugin)`,
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
