import assert from "node:assert/strict";
import project from "../../deno.json" with { type: "json" };
import { COMMANDS } from "../../src/commands/command_line/commands.ts";
import { loadConfiguration } from "../../src/config/load.ts";
import { ConfigurationError } from "../../src/config/yaml/mistake.ts";
import { documentBlocks, withBlocks } from "./document_blocks.ts";
import { brokenLinks, existsBelow, namedFiles, readDocuments } from "./documents.ts";

const documents = await readDocuments();

function textOf(path: string): string {
  const document = documents.find((each) => each.path === path);
  assert.ok(document, `${path} does not exist`);
  return document.text;
}

/** What a cell holds, however wide it is written. */
const unpadded = (text: string) => text.replaceAll(/ *\| */g, "|").replaceAll(/-{3,}/g, "---").replaceAll("_", "*");

Deno.test("tables that come from the code are what it says: `deno task readme`", async () => {
  for (const [path, blocks] of Object.entries(await documentBlocks())) {
    const text = textOf(path);
    assert.equal(unpadded(text), unpadded(withBlocks(text, blocks)), path);
  }
});

Deno.test("a table that says something else is found, and so is a missing one", () => {
  const text = "<!-- a: x -->\n\n| 1 |\n\n<!-- end -->\n";
  assert.equal(unpadded(text), unpadded(withBlocks(text, { a: "|1|" })));
  assert.notEqual(unpadded(text), unpadded(withBlocks(text, { a: "|2|" })));
  assert.throws(() => withBlocks(text, { b: "" }), /no block b/);
});

Deno.test("the README has at most 150 lines, the architecture at most 80", () => {
  assert.ok(textOf("README.md").trimEnd().split("\n").length <= 150);
  assert.ok(textOf("src/README.md").trimEnd().split("\n").length <= 80);
});

Deno.test("every link leads to a file that exists", async () => {
  const broken = await Promise.all(documents.map(brokenLinks));
  assert.deepEqual(broken.flat(), []);
});

Deno.test("a link to nowhere is found; one elsewhere, inside code or within the page is left alone", async () => {
  const text =
    "[a](README.md) [b](nowhere.md#x) [c](https://example.com) [d](#here)\n\n```ts\nx[e](f)\n```\n![g](none.png)\n";
  assert.deepEqual(await brokenLinks({ path: "made.md", text }), ["made.md: nowhere.md#x", "made.md: none.png"]);
});

Deno.test("every file that src/README.md names exists", async () => {
  const named = namedFiles(textOf("src/README.md"));
  assert.ok(named.length > 10);
  const missing: string[] = [];
  for (const name of named) if (!await existsBelow(["src/", ""], name)) missing.push(name);
  assert.deepEqual(missing, []);
});

Deno.test("the dependencies of CONTRIBUTING.md are those of deno.json", () => {
  const list = textOf(".github/CONTRIBUTING.md").split("\n## Dependencies\n")[1]?.split("\n## ")[0] ?? "";
  const listed = [...list.matchAll(/^\| `([^`]+)` +\| \S/gm)].map(([, name]) => name);
  const libraries = Object.entries(project.imports).filter(([, target]) => /^(?:npm|jsr):/.test(target));
  assert.deepEqual(listed.sort(), libraries.map(([name]) => name).sort());
});

Deno.test("every command has its row, and no other", () => {
  const rows = [...textOf("src/commands/README.md").matchAll(/^\| `([a-z]+)` +\| [a-z]/gm)].map(([, name]) => name);
  assert.deepEqual(rows.sort(), [...COMMANDS.keys()].sort());
});

Deno.test("every task that a document names exists", () => {
  const named = documents.flatMap(({ path, text }) =>
    [...text.matchAll(/\bdeno(?:@[0-9.]+)? task ([a-z]+)/g)].map(([, task = ""]) => `${path}: ${task}`)
  );
  assert.ok(named.length > 10);
  assert.deepEqual(named.filter((name) => !((name.split(": ")[1] ?? "") in project.tasks)), []);
});

Deno.test("every configuration in a document is right, but for the certificates that are the reader's own", async () => {
  const examples = documents.flatMap(({ path, text }) =>
    [...text.matchAll(/^```yaml\n(listen:[^]*?)^```$/gm)].map(([, example = ""]) => ({ path, example }))
  );
  assert.ok(examples.length > 0);
  const directory = await Deno.makeTempDir();
  try {
    for (const { path, example } of examples) {
      const file = `${directory}/proxy.yaml`;
      await Deno.writeTextFile(file, example);
      const error = await loadConfiguration(file).then(() => undefined, (error) => error);
      if (error === undefined) continue;
      assert.ok(error instanceof ConfigurationError, String(error));
      const others = error.mistakes.filter(({ message }) => !message.includes(`cannot read ${directory}/pki/`));
      assert.deepEqual(others, [], path);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
