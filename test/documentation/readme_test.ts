import assert from "node:assert/strict";
import { COMMANDS } from "../../src/commands/command_line/commands.ts";
import { loadConfiguration } from "../../src/config/load.ts";
import { ConfigurationError } from "../../src/config/yaml/mistake.ts";
import { readmeBlocks, withBlocks } from "./readme_blocks.ts";

const root = new URL("../../", import.meta.url);
const readme = await Deno.readTextFile(new URL("README.md", root));

/** What a cell holds, however wide it is written. */
const unpadded = (text: string) => text.replaceAll(/ *\| */g, "|").replaceAll(/-{3,}/g, "---").replaceAll("_", "*");

Deno.test("the README's tables are what the code says: `deno task readme && deno fmt README.md`", async () => {
  assert.equal(unpadded(readme), unpadded(withBlocks(readme, await readmeBlocks())));
});

Deno.test("every command has its row, and no other", () => {
  const rows = [...readme.matchAll(/^\| `([a-z]+)` +\| [a-z]/gm)].map(([, name]) => name);
  assert.deepEqual(rows.sort(), [...COMMANDS.keys()].sort());
});

Deno.test("every task it names is there", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  const named = [...readme.matchAll(/\btask ([a-z]+)/g)].map(([, name = ""]) => name);
  assert.ok(named.length > 5);
  assert.deepEqual(named.filter((name) => !(name in tasks)), []);
});

Deno.test("its configuration is right, but for the certificates that are the reader's own", async () => {
  const [, example] = readme.match(/^```yaml\n([^]*?)^```$/m) ?? [];
  assert.ok(example);
  const directory = await Deno.makeTempDir();
  try {
    const file = `${directory}/proxy.yaml`;
    await Deno.writeTextFile(file, example);
    const error = await loadConfiguration(file).then(() => undefined, (error) => error);
    assert.ok(error instanceof ConfigurationError);
    const others = error.mistakes.filter(({ message }) => !message.includes(`cannot read ${directory}/pki/`));
    assert.deepEqual(others, []);
    assert.equal(error.mistakes.length, 6);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
