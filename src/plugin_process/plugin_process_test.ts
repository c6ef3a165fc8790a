import assert from "node:assert/strict";
import {
  BAD,
  GOOD,
  HANGING,
  processesWith,
  profile,
  template,
  withPlugin,
} from "../../test/support/isolated_plugin.ts";
import { PATIENCE, until } from "../../test/support/time/until.ts";
import { settled } from "../mediation/mapping/chain/pending_mapping.ts";
import { identity } from "../mediation/mapping/template_mapping.ts";
import { IsolatedPlugin } from "./isolated_plugin.ts";
import { PluginHost } from "./plugin_host.ts";
import type { PluginProcess } from "./plugin_process.ts";
import { profileData } from "./profile_data.ts";
import { writeOptions } from "./protocol.ts";

Deno.test("a plugin maps in a process of its own, from what the core hands over, and is asked once for each template", () =>
  withPlugin(
    `console.log("asked"); return { ...mapping, fields: mapping.fields.slice(0, 1), stripped: new Map([[1, "own"]]) };`,
    async ({ map, printed }) => {
      assert.deepEqual(await map(GOOD), ["protocolIdentifier"]);
      assert.deepEqual(await map(GOOD), ["protocolIdentifier"]);
      assert.deepEqual(printed, ["asked"]);
    },
  ));

Deno.test("it sees the profile and the context as a plugin in the proxy does", () =>
  withPlugin(
    `if (profile.registry.byName("octetDeltaCount")?.id !== 1 || profile.registry.lookup(0, 2).name !== "packetDeltaCount") throw 1;
     if (!(profile.dialect.undecodableTypes instanceof Set) || profile.dialect.setsPerMessage !== Infinity) throw 2;
     if (context.exporterFamily !== 4 || context.profile.name !== "rfc7011") throw 3;
     return mapping;`,
    async ({ map }) => assert.deepEqual(await map(GOOD), ["protocolIdentifier", "sourceTransportPort"]),
  ));

const MISDEEDS: readonly [what: string, body: string, expected: RegExp, timeout?: number][] = [
  ["throws", `throw new Error("not this one");`, /^own: not this one$/],
  ["loops", `for (;;);`, /did not answer within 2000 ms/, HANGING],
  ["exits", `Deno.exit(7);`, /ended, or did not answer/],
  ["throws later", `setTimeout(() => { throw new Error("later"); }, 1); throw new Error("now");`, /^own: now$/],
  ["leaves a rejected promise", `Promise.reject(new Error("later")); throw new Error("now");`, /^own: now$/],
  ["allocates", `const all = []; for (;;) all.push(new Array(1e6).fill(Math.random()));`, /ended, or did not answer/],
  [
    "writes garbage",
    `Deno.stdout.writeSync(new TextEncoder().encode("garbage\\n")); return mapping;`,
    /something other than an answer: "garbage"/,
  ],
  [
    "answers on its own as well",
    `Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify({ value: { fields: [] } }) + "\\n"));
     for (const end = Date.now() + 50; Date.now() < end;);
     return mapping;`,
    /something other than an answer: "\{\\"value\\":/,
  ],
  ["answers nothing", `return undefined;`, /the answer is not an object/],
  ["answers nonsense", `return { fields: [{ target: { element: { name: 5 } } }] };`, /fields\[0\]/],
  [
    "answers another template's mapping",
    `return { source: { ...mapping.source, id: 999 }, fields: mapping.fields };`,
    /another source template/,
  ],
  [
    "says that it stripped what it kept",
    `return { ...mapping, stripped: new Map([[0, "own"]]) };`,
    /stripped names field 0/,
  ],
  ["answers in a circle", `const answer = { ...mapping }; answer.fields = [answer]; return answer;`, /./],
  ["reads a file", `Deno.readTextFileSync("/etc/hostname"); return mapping;`, /Requires read access/],
  ["reaches the network", `Deno.listen({ port: 0 }); return mapping;`, /Requires net access/],
  ["starts a program", `new Deno.Command("true").outputSync(); return mapping;`, /Requires run access/],
  ["reads the environment", `Deno.env.get("HOME"); return mapping;`, /Requires env access/],
  ["throws what has no text", `throw { toString() { throw 1; } };`, /^own: something was thrown that has no text$/],
  [
    "throws a proxy that refuses everything",
    `const refuse = () => { throw 1; };
     throw new Proxy({}, { get: refuse, getPrototypeOf: refuse, has: refuse });`,
    /^own: something was thrown that has no text$/,
  ],
  ["closes its output", `Deno.stdout.close(); return mapping;`, /ended, or did not answer/, HANGING],
];
for (const [what, body, expected, timeout] of MISDEEDS) {
  Deno.test(`a plugin that ${what} costs the templates that it was asked about`, () =>
    withPlugin(`if (isBad(mapping)) { ${body} } return mapping;`, async ({ map, process }) => {
      assert.deepEqual(await map(GOOD), ["protocolIdentifier", "sourceTransportPort"]);
      const failed = await map(BAD);
      assert.match(String(failed), expected);
      const another = template("sourceIPv4Address");
      assert.deepEqual(await map(another), ["sourceIPv4Address"], "it is started again");
      assert.deepEqual(await map(GOOD), ["protocolIdentifier", "sourceTransportPort"]);
      assert.equal(process.name, "./own.ts");
    }, timeout === undefined ? {} : { timeout }));
}

Deno.test({
  name: "the process of a plugin that does not answer is gone, and does not loop on",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    const marker = `marker${crypto.randomUUID().replaceAll("-", "")}`;
    return withPlugin(`/* ${marker} */ if (isBad(mapping)) for (;;); return mapping;`, async ({ map }) => {
      await map(GOOD);
      const [before] = processesWith(marker);
      assert.ok(before !== undefined);
      assert.match(String(await map(BAD)), /did not answer/);
      await until("it is gone", () => !processesWith(marker).includes(before));
    }, { timeout: HANGING });
  },
});

Deno.test("what waits behind a plugin that hangs is given up in the same time; nothing else in the process waits", () =>
  withPlugin(`if (isBad(mapping)) for (;;); return mapping;`, async ({ map }) => {
    let turns = 0;
    const turning = setInterval(() => turns++, 1);
    const first = map(BAD);
    const second = map(template("destinationTransportPort", "ingressInterface"));
    assert.match(String(await first), /did not answer/);
    const late = Promise.withResolvers<string>();
    const timer = setTimeout(late.resolve, HANGING / 2, "it was given that time once more");
    assert.match(String(await Promise.race([second, late.promise])), /busy|did not answer/);
    clearTimeout(timer);
    clearInterval(turning);
    assert.ok(turns > 10, `${turns} turns of the event loop meanwhile`);
  }, { timeout: HANGING }));

Deno.test("a plugin that fails now and then is started again at once, however often", () =>
  withPlugin(`if (isBad(mapping)) Deno.exit(1); return mapping;`, async ({ map }) => {
    for (const name of ["ingressInterface", "egressInterface", "octetDeltaCount"]) {
      assert.match(String(await map(template("destinationTransportPort", name))), /process ended/);
      assert.deepEqual(await map(template("protocolIdentifier", name)), ["protocolIdentifier", name]);
    }
  }));

Deno.test("a process that does not come up is started again at once the first time, and later and later from then on", async () => {
  const process = new PluginHost().process("./own.ts", "data:text/javascript,throw new Error('not today');");
  try {
    const ask = () =>
      process.ask({ ask: "create", instance: 1, options: writeOptions({}), profile: profileData(profile) }, PATIENCE);
    for (const expected of [/not today/, /not today/, /its process ended and is started again in 1 s/]) {
      assert.match(JSON.stringify(await ask()), expected);
    }
  } finally {
    process.close();
  }
});

Deno.test("a question that was given up while it waited is not asked when its turn comes", async () => {
  const source =
    `export default { name: "own", summary: "", create: () => ({ name: "own", rewrite: (mapping) => mapping }),
  options: { safeParse: (data) => { if (data === "loops") for (;;); console.log(data); return { success: true, data }; } } };`;
  const printed: string[] = [];
  const host = new PluginHost((_, line) => void printed.push(line));
  const process = host.process("./own.ts", `data:text/javascript,${encodeURIComponent(source)}`);
  try {
    assert("value" in await process.start());
    const ask = (options: string, timeout: number) =>
      process.ask(
        { ask: "create", instance: 1, options: writeOptions(options), profile: profileData(profile) },
        timeout,
      );
    const [first, second] = await Promise.all([ask("loops", 1_000), ask("waits", 100)]);
    assert.match(JSON.stringify(second), /it was busy for 100 ms/);
    assert.match(JSON.stringify(first), /did not answer within 1000 ms/);
    assert.deepEqual(await ask("comes", PATIENCE), { value: null });
    await until("it says something", () => printed.length > 0);
    assert.ok(!printed.includes("waits"), printed.join());
  } finally {
    process.close();
  }
});

/** Runs with a process of a plugin with this source, as its host starts it. */
async function withProcess(
  source: string,
  run: (process: PluginProcess, printed: readonly string[]) => Promise<void>,
): Promise<void> {
  const printed: string[] = [];
  const host = new PluginHost((_, line) => void printed.push(line));
  const process = host.process("./own.ts", `data:text/javascript,${encodeURIComponent(source)}`);
  try {
    assert("value" in await process.start());
    await run(process, printed);
  } finally {
    process.close();
  }
}

Deno.test("an instance that a new process cannot make costs its own templates alone", () =>
  withProcess(
    `console.log(Deno.pid);
     export default { name: "own", summary: "", options: { safeParse: (data) => ({ success: true, data }) },
       create: (only) => {
         if (only !== null && only !== Deno.pid) throw new Error("it is another process");
         return { name: "own", rewrite: (mapping) => mapping.source.id === 666 ? Deno.exit(1) : mapping };
       } };`,
    async (process, printed) => {
      await until("it says which process it is", () => printed.length > 0);
      const [first, second] = [Number(printed[0]), null].map((only) =>
        new IsolatedPlugin("own", process, PATIENCE, profile, only)
      );
      assert.ok(first !== undefined && second !== undefined);
      for (const { created } of [first, second]) assert("value" in await created, JSON.stringify(await created));
      const ask = (plugin: IsolatedPlugin, id: number) =>
        settled(() => plugin.rewrite(identity({ ...GOOD, id }), { profile, exporterFamily: 4 }));
      await assert.rejects(ask(second, 666), /its process ended/);
      assert.ok(await ask(second, 256), "although the other one cannot be made any more");
      await assert.rejects(ask(first, 256), /it no longer takes its options: it is another process/);
      assert.ok(await ask(second, 257));
    },
  ));

Deno.test("a question that is under way when the configuration ends says so, and blames nobody", () =>
  withProcess(
    `export default { name: "own", summary: "", options: { safeParse: () => { for (;;); } },
       create: () => ({ name: "own", rewrite: (mapping) => mapping }) };`,
    async (process) => {
      const answer = new IsolatedPlugin("own", process, PATIENCE, profile, {}).created;
      // Its process hangs by now, or does so soon.
      await new Promise((resolve) => setTimeout(resolve, 50));
      process.close();
      assert.deepEqual(await answer, { error: "its process has ended with the configuration" });
    },
  ));

Deno.test("a late line that looks like an answer is not the one to the next question", () =>
  withProcess(
    `export default { name: "own", summary: "", options: { safeParse: (data) => ({ success: true, data }) },
       create: () => ({ name: "own", rewrite: (mapping) => {
         if (mapping.source.id !== 256) return mapping;
         const line = JSON.stringify({ value: { ...mapping, source: { ...mapping.source, id: 257 }, fields: [] } }) + "\\n";
         Promise.resolve().then(() => {
           const until = performance.now() + 300;
           while (performance.now() < until);
           Deno.stdout.writeSync(new TextEncoder().encode(line));
         });
         return mapping;
       } }) };`,
    async (process) => {
      const plugin = new IsolatedPlugin("own", process, 5_000, profile, {});
      await plugin.created;
      const ask = (id: number) =>
        settled(() => plugin.rewrite(identity({ ...GOOD, id }), { profile, exporterFamily: 4 }));
      const [first, second] = await Promise.all([ask(256), ask(257).catch(String)]);
      assert.equal(first.fields.length, 2);
      assert.match(String(second), /wrote something other than an answer|process ended/);
      assert.equal((await ask(258)).fields.length, 2, "in a new process");
    },
  ));

Deno.test("a module that is no plugin, or of another contract, says so", async () => {
  const host = new PluginHost();
  for (
    const [source, expected] of [
      ["export default 5;", /no plugin as its default export/],
      [
        "export default { name: 'a', summary: '', apiVersion: 2, options: { safeParse() {} }, create() {} };",
        /version 2/,
      ],
      ["export default {}; throw new Error('not today');", /not today/],
    ] as const
  ) {
    const process = host.process("./own.ts", `data:text/javascript,${encodeURIComponent(source)}`);
    const answer = await process.start();
    process.close();
    assert("error" in answer);
    assert.match(answer.error, expected);
  }
});

Deno.test("every mistake in its options has its place: those of the schema, and those that create names", async () => {
  const source = `import { z } from "@ipfix-skew-proxy/proxy/plugin";
export default { name: "own", summary: "its own", options: z.strictObject({ list: z.array(z.string()) }),
  create: ({ list }) => { throw new AggregateError(list.map((word) => new Error('list: "' + word + '" is wrong'))); } };`;
  const host = new PluginHost();
  const process = host.process("./own.ts", `data:text/javascript,${encodeURIComponent(source)}`);
  try {
    assert("value" in await process.start());
    const { created } = new IsolatedPlugin("own", process, 500, profile, { list: ["a", 5, "b"], foo: 1 });
    assert.deepEqual(await created, {
      mistakes: [
        { path: ["list", 1], message: "5 is not allowed (text)", at: "value" },
        { path: ["foo"], message: "unknown key (list)", at: "key" },
        { path: ["list", 0], message: '"a" is wrong', at: "value" },
        { path: ["list", 2], message: '"b" is wrong', at: "value" },
      ],
    });
  } finally {
    process.close();
  }
});

Deno.test("it gets its options as they are written, numbers that JSON lacks included, and may make anything of them", async () => {
  const source = `export default { name: "own", summary: "its own",
  options: { safeParse: ({ whole, most, none, least, fails }) => {
    const data = { given: [whole, most, none, Object.is(least, -0)].join(), whole, fails };
    data.data = data;
    return { success: true, data };
  } },
  create: ({ given, fails }) => {
    if (fails) throw new Error(given);
    return { name: "own", rewrite: (mapping) => mapping };
  } };`;
  const process = new PluginHost().process("./own.ts", `data:text/javascript,${encodeURIComponent(source)}`);
  try {
    assert("value" in await process.start());
    const options = { whole: 18446744073709551615n, most: Infinity, none: NaN, least: -0 };
    const created = (options: unknown) => new IsolatedPlugin("own", process, 500, profile, options).created;
    assert.deepEqual(await created({ ...options, fails: true }), {
      mistakes: [{ path: [], message: "18446744073709551615,Infinity,NaN,true", at: "value" }],
    });
    assert.deepEqual(await created(options), { value: null });
  } finally {
    process.close();
  }
});

Deno.test("a process that ended is started again with the module that is in force, and with no other", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/own.ts`;
  const text = `export default { name: "own", summary: "", options: { safeParse: (data) => ({ success: true, data }) },
    create: ({ exits }) => exits ? Deno.exit(1) : { name: "own", rewrite: (mapping) => mapping } };`;
  await Deno.writeTextFile(file, text);
  const process = new PluginHost().process("./own.ts", new URL(`file://${file}?1`).href);
  const created = (options: unknown) => new IsolatedPlugin("own", process, 500, profile, options).created;
  try {
    assert.deepEqual(await created({}), { value: null });
    await Deno.writeTextFile(file, `${text} // refused with the rest of the configuration`);
    assert.match(JSON.stringify(await created({ exits: true })), /process ended/);
    assert.match(JSON.stringify(await created({})), /its file has changed since the configuration in force was read/);
    await Deno.remove(file);
    await until("it is tried again", async () => /there is no such file/.test(JSON.stringify(await created({}))));
    await Deno.writeTextFile(file, text);
    await until("it has its module again", async () => "value" in await created({}));
  } finally {
    process.close();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a plugin's output is bounded in lines and length", () =>
  withPlugin(
    `for (let line = 0; line < 1000; line++) console.log("x".repeat(5000)); return mapping;`,
    async ({ map, printed }) => {
      await map(GOOD);
      await until("the first lines have come", () => printed.length > 0);
      // What is printed behind them has come by then as well: it was written before the answer.
      assert.ok(printed.length <= 30, String(printed.length));
      assert.ok(printed.every((line) => line.length <= 1024));
    },
  ));
