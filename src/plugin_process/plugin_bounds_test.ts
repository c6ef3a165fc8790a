import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { PATIENCE, until } from "../../test/support/time/until.ts";
import {
  BAD,
  commandLine,
  GOOD,
  HANGING,
  largestMemory,
  processesWith,
  profile,
  template,
  withPlugin,
} from "../../test/support/isolated_plugin.ts";
import { runChain } from "../mediation/mapping/chain/mapping_chain.ts";
import { settled } from "../mediation/mapping/chain/pending_mapping.ts";
import { IsolatedPlugin } from "./isolated_plugin.ts";
import { PluginHost } from "./plugin_host.ts";

/** Ways to fill the memory without V8's heap, whose limit does not count them. */
const FILLINGS: readonly [string, string][] = [
  ["array buffers", `for (;;) kept.push(new Uint8Array(1 << 20).fill(1));`],
  ["array buffers in a timer", `setInterval(() => kept.push(new Uint8Array(1 << 24).fill(1)), 1);`],
  [
    "array buffers in a timer, with an end to the thread that watches it",
    `Worker.prototype.postMessage = function () { this.terminate(); };
     setInterval(() => kept.push(new Uint8Array(1 << 24).fill(1)), 1);`,
  ],
  ["a WebAssembly memory", `new Uint8Array(new WebAssembly.Memory({ initial: 32768 }).buffer).fill(1);`],
  [
    "a worker",
    `new Worker("data:text/javascript,const kept = []; for (;;) kept.push(new Uint8Array(1 << 20).fill(1));",
       { type: "module" });`,
  ],
];
for (const [what, filling] of FILLINGS) {
  Deno.test({
    name: `a plugin that fills the memory by ${what} is ended before it has much of it`,
    ignore: Deno.build.os !== "linux",
    fn: () => {
      const marker = `marker${crypto.randomUUID().replaceAll("-", "")}`;
      return withPlugin(
        `/* ${marker} */ const kept = globalThis.kept ??= []; if (isBad(mapping)) { ${filling} } return mapping;`,
        async ({ map, printed }) => {
          await map(GOOD);
          const [before] = processesWith(marker);
          assert.ok(before !== undefined);
          const most = largestMemory(before);
          const answer = await map(BAD);
          assert.ok(await most < 600, `${await most} MiB`);
          await until("its end was noticed", () => typeof answer === "string" || printed.length > 0);
          assert.deepEqual(await map(template("sourceIPv4Address")), ["sourceIPv4Address"]);
        },
        // A plugin that does not answer is ended by that, and has no more time than this to fill the memory.
        { timeout: PATIENCE / 2 },
      );
    },
  });
}

Deno.test({
  name: "the process of a plugin whose timer goes on, or that loops, ends with the process that asked it",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const marker = `marker${crypto.randomUUID().replaceAll("-", "")}`;
    const plugin = (create: string) =>
      `export default { name: "own", summary: "", options: { safeParse: (data) => ({ success: true, data }) },
         create: () => { /* ${marker} */ ${create} return { name: "own", rewrite: (mapping) => mapping }; } };`;
    const starts = ["setInterval(() => {}, 1000);", "setTimeout(() => { for (;;); }, 1);"].map((create) =>
      `host.process("own", ${JSON.stringify(`data:text/javascript,${encodeURIComponent(plugin(create))}`)})`
    );
    const asker = `import { PluginHost } from ${JSON.stringify(new URL("./plugin_host.ts", import.meta.url).href)};
import { IsolatedPlugin } from ${JSON.stringify(new URL("./isolated_plugin.ts", import.meta.url).href)};
import { loadProfile } from ${JSON.stringify(new URL("../config/profiles/profiles.ts", import.meta.url).href)};
const host = new PluginHost();
for (const process of [${starts.join()}]) await new IsolatedPlugin("own", process, 500, loadProfile("rfc7011"), {}).created;
console.log("asked");
await new Promise((resolve) => setTimeout(resolve, 1 << 30));`;
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--allow-all",
        `--config=${fileURLToPath(new URL("../../deno.json", import.meta.url))}`,
        `data:application/typescript,${encodeURIComponent(asker)}`,
      ],
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    assert.equal(new TextDecoder().decode((await reader.read()).value), "asked\n");
    const isPlugin = (id: string) => commandLine(id).includes("servePlugin");
    assert.equal(processesWith(marker).filter(isPlugin).length, 2);
    child.kill("SIGKILL");
    await child.status;
    await reader.cancel();
    await until("they ended", () => processesWith(marker).length === 0);
  },
});

for (
  const [what, work] of [
    ["in a timer", "setTimeout(() => { for (;;); }, 1);"],
    ["in a worker", `new Worker("data:text/javascript,for (;;);", { type: "module" });`],
    ["in microtasks", "const again = () => queueMicrotask(again); again();"],
  ] as const
) {
  Deno.test(`a plugin that works on ${what}, although it is asked nothing, is ended`, () =>
    withPlugin(`if (isBad(mapping)) { ${work} } return mapping;`, async ({ map, printed }) => {
      // Microtasks keep the answer back as well.
      const answer = await map(BAD);
      await until("it was ended", () => typeof answer === "string" || printed.length > 0);
      assert.deepEqual(await map(GOOD), ["protocolIdentifier", "sourceTransportPort"]);
    }, { timeout: HANGING }));
}

Deno.test("a template that is too long for the process costs itself alone, and the process lives", () =>
  withPlugin(`console.log(Deno.pid); return mapping;`, async ({ map, printed }) => {
    const fields = (count: number) => template(...Array.from({ length: count }, () => "octetDeltaCount"));
    await map(GOOD);
    for (const count of [4097, 16_000]) {
      assert.equal(await map(fields(count)), `own: a process of its own takes at most 4096 fields, not ${count}`);
    }
    assert.equal((await map(fields(4096))).length, 4096);
    await map(BAD);
    await until("it printed each time", () => printed.length === 3);
    assert.equal(new Set(printed).size, 1, "it is the same process");
  }));

Deno.test("hundreds of instances of a plugin, as many rules have, fit its process and come up again with it", () =>
  withPlugin(`if (isBad(mapping)) Deno.exit(1); return mapping;`, async ({ map, process }) => {
    const plugins = Array.from({ length: 400 }, () => new IsolatedPlugin("own", process, 5_000, profile, {}));
    for (const { created } of plugins) assert.deepEqual(await created, { value: null });
    assert.match(String(await map(BAD)), /ended/);
    assert.deepEqual(await map(GOOD), ["protocolIdentifier", "sourceTransportPort"]);
    const last = plugins.at(-1);
    assert.ok(last !== undefined);
    const mapping = await settled(() => runChain(GOOD, { profile, plugins: [last] }, { exporterFamily: 4 }));
    assert.equal(mapping.fields.length, 2);
  }, { timeout: 10_000 }));

Deno.test("a line that nobody asked for is no answer to the next question", () =>
  withPlugin(
    `if (isBad(mapping)) {
       const line = JSON.stringify({ value: { source: mapping.source, fields: [] } }) + "\\n";
       setTimeout(() => Deno.stdout.writeSync(new TextEncoder().encode(line)), 1);
     }
     return mapping;`,
    async ({ map, printed }) => {
      assert.deepEqual(await map(BAD), ["destinationTransportPort"]);
      await until("it was noticed", () => printed.length > 0);
      assert.deepEqual(printed, ["its process is ended: it wrote what it was not asked for"]);
      assert.deepEqual(await map(GOOD), ["protocolIdentifier", "sourceTransportPort"]);
    },
  ));

Deno.test("a plugin may import its own code and data, but cannot read another file by an import", async () => {
  const folder = await Deno.makeTempDir();
  const head = `export default { name: "own", summary: "", options: { safeParse: (data) => ({ success: true, data }) },
    create: () => ({ name: "own", rewrite: (mapping) => mapping }) };`;
  const secret = `${folder}/secret.pem`;
  const modules: readonly [string, RegExp | undefined][] = [
    [
      `import { one } from "./inner/one.ts"; import two from "./two.json" with { type: "json" }; one + two.two;`,
      undefined,
    ],
    [`import { z } from "@ipfix-skew-proxy/proxy/plugin"; z.string();`, undefined],
    [`import text from ${JSON.stringify(secret)} with { type: "text" }; console.log(text);`, /Requires read access/],
    [
      `const { default: text } = await import(${JSON.stringify(secret)}, { with: { type: "text" } });`,
      /Requires read access/,
    ],
    [`import ${JSON.stringify(secret)};`, /Requires read access/],
    [`import "./inner/reads.ts";`, /Requires read access/],
    [
      `import data from ${JSON.stringify(`${folder}/data.json`)} with { type: "json" }; console.log(data);`,
      /Requires read access/,
    ],
    [`Deno.readTextFileSync(${JSON.stringify(`${folder}/plugin/two.json`)});`, /Requires read access/],
  ];
  try {
    await Deno.mkdir(`${folder}/plugin/inner`, { recursive: true });
    await Deno.writeTextFile(`${folder}/plugin/inner/one.ts`, `export const one: number = 1;`);
    await Deno.writeTextFile(
      `${folder}/plugin/inner/reads.ts`,
      `import text from "../../secret.pem" with { type: "text" }; console.log(text);`,
    );
    await Deno.writeTextFile(`${folder}/plugin/two.json`, `{ "two": 2 }`);
    await Deno.writeTextFile(`${folder}/data.json`, `{ "password": 1 }`);
    await Deno.writeTextFile(secret, "secret");
    for (const [at, [source, refusal]] of modules.entries()) {
      const file = `${folder}/plugin/plugin${at}.ts`;
      await Deno.writeTextFile(file, `${source}\n${head}`);
      const process = new PluginHost().process("./own.ts", new URL(`file://${file}?1`).href);
      const hello = await process.start();
      process.close();
      if (refusal === undefined) assert.ok("value" in hello, JSON.stringify(hello));
      else assert.match("error" in hello ? hello.error : "it was loaded", refusal, source);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
