import assert from "node:assert/strict";
import { ConfigurationError } from "./yaml/mistake.ts";
import { loadConfiguration } from "./load.ts";

const RIGHT = "listen: [{ address: 127.0.0.1:0 }]\ncollector: { address: 127.0.0.1:4739, profile: antrea/v1.15 }\n";

/** The mistakes in this text, one a line. */
async function mistakes(yaml: string): Promise<string[]> {
  try {
    (await loadConfiguration("proxy.yaml", { readTextFile: () => yaml })).close?.();
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.message.split("\n");
  }
  return [];
}

const repeated = (count: number, line: (index: number) => string) => Array.from({ length: count }, (_, i) => line(i));

Deno.test("a file that takes long to read is refused in one line", async () => {
  const tooLong = ["proxy.yaml: is longer than 128 KiB, the most that is read of a YAML file"];
  assert.deepEqual(await mistakes(RIGHT + repeated(200_000, (index) => `k${index}: 1`).join("\n")), tooLong);
  assert.deepEqual(await mistakes(RIGHT + "x: " + "a".repeat(2 ** 17)), tooLong);
  const rule = (index: number) => `  - match: { address: 10.0.${index >> 8}.${index & 255} }`;
  assert.deepEqual(await mistakes(`${RIGHT}peers:\n${repeated(20_000, rule).join("\n")}\n`), tooLong);
  assert.deepEqual(await mistakes(`${RIGHT}peers:\n${repeated(1_001, rule).join("\n")}\n`), [
    "proxy.yaml:4:3: peers: a list is not allowed (entries: at most 1000)",
  ]);
});

Deno.test("the depth of nesting and the number of aliases are bounded", async () => {
  for (const [open, close] of [["[", "]"], ["{ a: ", "}"]] as const) {
    const [line, ...more] = await mistakes(`${RIGHT}x: ${open.repeat(10_000)}${close.repeat(10_000)}`);
    assert.match(line ?? "", /: YAML: nested too deeply/);
    assert.deepEqual(more, []);
  }
  const bomb = repeated(12, (index) => `a${index + 1}: &a${index + 1} [${`*a${index},`.repeat(10)}]`);
  assert.deepEqual(await mistakes(`${RIGHT}a0: &a0 [1]\n${bomb.join("\n")}`), [
    "proxy.yaml:1:1: YAML: aliases stand for too many values (fewer aliases)",
  ]);
});

Deno.test("of many mistakes the first hundred are reported, duplicate keys included", async () => {
  const unknown = await mistakes(RIGHT + repeated(3_000, (index) => `key${index}: 1`).join("\n"));
  assert.equal(unknown.length, 100);
  assert.match(unknown[0] ?? "", /^proxy.yaml:3:1: key0: unknown key/);
  const wrong = await mistakes(`${RIGHT}plugins:\n${repeated(300, () => "  - { use: no-such }").join("\n")}`);
  assert.equal(wrong.length, 101);
  assert.equal(wrong.at(-1), "and 200 more");
  assert.deepEqual(await mistakes(`${RIGHT}log: { level: info, level: debug }\n"mode": rewrite\nmode: observe`), [
    "proxy.yaml:3:21: log.level: duplicate key (each key once)",
    "proxy.yaml:5:1: mode: duplicate key (each key once)",
  ]);
});

Deno.test("names that every object has are unknown keys like any other, wherever a map is", async () => {
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"]) {
    const yaml = `
listen: [{ address: 127.0.0.1:0, ${name}: 1 }]
collector: { address: 127.0.0.1:4739, profile: antrea/v1.15, ${name}: { a: 1 } }
${name}: 1
limits: { ${name}: 2 }
peers: [{ match: { address: 10.0.0.1, ${name}: 1 }, ${name}: {} }]
plugins: [{ use: pad-missing, with: { ${name}: 1 } }, { use: pad-missing, with: { values: { ${name}: 1 } } }, { use: map-fields, with: { fields: { ${name}: packetDeltaCount } } }]
`;
    const lines = await mistakes(yaml);
    const places = lines.map((line) => Number(line.split(":")[1]));
    for (const line of [2, 3, 4, 5, 6, 7]) {
      assert.ok(places.includes(line), `${name} in line ${line}:\n${lines.join("\n")}`);
    }
    assert.equal(places.filter((line) => line === 6).length, 2, lines.join("\n"));
    assert.equal(places.filter((line) => line === 7).length, 3, lines.join("\n"));
  }
  const profile = (change: string) => `dialect: rfc7011\nregistry: iana\ntemplates: []\nname: mine\n${change}\n`;
  for (const name of ["__proto__", "constructor", "toString"]) {
    for (
      const [file, line] of [
        [profile(`${name}: 1`), 5],
        [profile(`renames: [{ from: ${name}, to: octetDeltaCount }]`), 5],
        [profile("").replace("[]", `[{ name: one, selectedBy: ${name}, fields: [${name}, octetDeltaCount] }]`), 3],
        [profile("").replace("iana", name), 2],
        [profile("").replace("rfc7011", name), 1],
        [`extends: ${name}\nname: mine\n`, 1],
      ] as const
    ) {
      const texts: Readonly<Record<string, string>> = {
        "proxy.yaml": RIGHT.replace("antrea/v1.15", "./mine.yaml"),
        "mine.yaml": file,
      };
      await assert.rejects(
        loadConfiguration("proxy.yaml", { readTextFile: (path) => texts[path] ?? "" }),
        (error) => error instanceof ConfigurationError && error.message.startsWith(`mine.yaml:${line}:`),
        file,
      );
    }
  }
  for (const profile of ["__proto__", "constructor", "antrea/constructor", "toString"]) {
    const [line] = await mistakes(RIGHT.replace("antrea/v1.15", JSON.stringify(profile)));
    assert.match(line ?? "", /collector.profile: .*no profile|collector.profile/, profile);
  }
});
