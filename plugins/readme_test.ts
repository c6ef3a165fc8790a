import { parse } from "@std/yaml";
import assert from "node:assert/strict";
import { antreaEras } from "../src/config/profiles/antrea_eras.ts";
import { loadProfile } from "../src/config/profiles/profiles.ts";
import { type PluginDefinition, z } from "../src/mediation/mapping/plugin.ts";
import { type Profile, selectTemplate } from "../src/mediation/mapping/profile/profile.ts";
import { identity, type TemplateMapping } from "../src/mediation/mapping/template_mapping.ts";
import { SHIPPED } from "./mod.ts";

const FOLDER = new URL(".", import.meta.url);
const SECTIONS = ["Name", "What it does", "Options", "Examples", "What it costs"];

/** The whole of an example: a configuration's `plugins:`, and nothing beside it. */
const exampleSchema = z.strictObject({
  plugins: z.array(z.strictObject({ use: z.string(), with: z.unknown().optional() })).min(1),
});

const ANTREA = antreaEras().map(({ profile }) => loadProfile(profile));
const PROFILES = [...ANTREA, loadProfile("rfc7011")];

function readme(path: string): string {
  return Deno.readTextFileSync(new URL(path, FOLDER));
}

function blocks(markdown: string, language: string): string[] {
  return [...markdown.matchAll(/^```(\S*)(?: ignore)?\n([^]*?)^```$/gm)].flatMap(([, word, text]) =>
    word === language && text ? [text] : []
  );
}

/**
 * Every template of every Antrea release, and those of exporters that name a Service's address by its new name alone.
 */
const TEMPLATES = ANTREA.flatMap(({ templates }) => templates).flatMap(({ fields }) => [
  fields,
  fields.filter(({ element }) => !element.name.startsWith("destinationCluster")),
]);

/** Runs the example on all templates, for one collector; gives all mappings. */
function run(example: string, definitions: readonly PluginDefinition[], profile: Profile): TemplateMapping[] {
  const { plugins } = exampleSchema.parse(parse(example));
  const chain = plugins.map(({ use, with: given }) => {
    const definition = definitions.find(({ name }) => name === use || `./${name}.ts` === use);
    assert.ok(definition, `${use} is not shipped`);
    return definition.create(definition.options.parse(given ?? {}), profile);
  });
  return TEMPLATES.map((fields) => {
    const source = { id: 256, fields, scopeFieldCount: 0 };
    const expected = selectTemplate(profile, source);
    const context = { profile, ...(expected === undefined ? {} : { expected }), exporterFamily: 4 } as const;
    return chain.reduce((mapping, plugin) => plugin.rewrite(mapping, context), identity(source));
  });
}

/** Whether the plugin left its name on any field, as it must where it did something. */
function leftItsName(mapping: TemplateMapping, name: string): boolean {
  return mapping.fields.some(({ by }) => by === name) || [...mapping.stripped?.values() ?? []].includes(name);
}

for (const { name } of SHIPPED) {
  const text = readme(`${name}/README.md`);

  Deno.test(`${name}/README.md: its name, and the five sections in their order`, () => {
    assert.deepEqual(text.match(/^# .*$/gm), [`# ${name}`]);
    assert.deepEqual(text.match(/^## .*$/gm), SECTIONS.map((section) => `## ${section}`));
    assert.ok(text.includes(`## Name\n\n\`${name}\`: `));
  });

  blocks(text, "yaml").forEach((example, index) => {
    Deno.test(`${name}/README.md: example ${index + 1} runs for every collector, each plugin with valid options`, () => {
      for (const profile of PROFILES) {
        for (const { source, fields } of run(example, SHIPPED, profile)) {
          assert.ok(fields.length > 0, `${profile.name} gets something of ${source.fields.length} fields`);
        }
      }
    });
  });

  // match-order has nothing to move between releases of Antrea, which all keep one order.
  if (name !== "match-order") {
    Deno.test(`${name}/README.md: every example changes something for some collector`, () => {
      const examples = blocks(text, "yaml");
      assert.ok(examples.length > 0);
      for (const example of examples) {
        const mappings = PROFILES.flatMap((profile) => run(example, SHIPPED, profile));
        assert.ok(mappings.some((mapping) => leftItsName(mapping, name)), example);
      }
    });
  }

  Deno.test(`${name}/README.md: shows the import line that its module uses`, () => {
    const source = /from "([^"]*)"/;
    const [first] = blocks(text, "ts");
    assert.equal(first?.match(source)?.[1], "@ipfix-skew-proxy/proxy/plugin");
    assert.equal(readme(`${name}/mod.ts`).match(source)?.[1], first?.match(source)?.[1]);
  });

  Deno.test(`${name}/README.md: every option stands in its table`, () => {
    const { options } = SHIPPED.find((definition) => definition.name === name) ?? assert.fail();
    assert.ok(options instanceof z.ZodObject);
    const [, section] = text.split("## Options\n");
    const documented = [...(section?.split("\n## ")[0] ?? "").matchAll(/^\| `(\w+)`/gm)].map(([, key]) => key);
    assert.deepEqual(documented.sort(), Object.keys(options.shape).sort());
  });
}

Deno.test("README.md: the plugin of the worked example is under 30 lines, loads as it stands and does what it says", async () => {
  const text = readme("README.md");
  const [code, ...others] = blocks(text, "ts");
  assert.ok(code !== undefined && others.length === 1);
  assert.ok(code.trimEnd().split("\n").length < 30);
  const module: { default: PluginDefinition } = await import(
    `data:application/typescript,${encodeURIComponent(code)}`
  );
  const definitions = [module.default, ...SHIPPED];

  const [example, ...more] = blocks(text, "yaml");
  assert.ok(example !== undefined && more.length === 0);
  for (const profile of PROFILES) {
    for (const { fields } of run(example, definitions, profile)) {
      const redacted = fields.filter(({ target }) => target.element.name === "sourcePodName");
      assert.deepEqual(redacted.map(({ value, by }) => [value, by]), [
        [{ from: "constant", octets: Uint8Array.of(45) }, "redact"],
      ]);
    }
  }
  const [profile] = ANTREA;
  assert.ok(profile);
  assert.throws(
    () => module.default.create({ element: "sourcePodNam", value: "-" }, profile),
    /nearest: sourcePodName/,
  );
  assert.throws(
    () => module.default.create({ element: "flowEndReason", value: 256 }, profile),
    /integers from 0 to 255/,
  );
});

Deno.test("README.md: links to every plugin shipped, in the list's order", () => {
  const links = [...readme("README.md").matchAll(/\]\(([a-z-]+)\/README\.md\)/g)].map(([, name]) => name);
  assert.deepEqual(links, SHIPPED.map(({ name }) => name));
});

Deno.test("README.md: the commands for a plugin in a folder of its own check and test the worked example as they stand", async () => {
  const text = readme("README.md");
  const [code = "", testCode = ""] = blocks(text, "ts");
  const [commands, ...others] = blocks(text, "sh");
  assert.ok(commands !== undefined && others.length === 0);
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/redact.ts`, code);
    await Deno.writeTextFile(`${folder}/redact_test.ts`, testCode);
    const proxy = decodeURIComponent(new URL("..", FOLDER).pathname);
    let output = "";
    for (const command of commands.trim().split("\n")) {
      const [program, ...args] = command.replace("/path/to/proxy/", proxy).split(" ");
      assert.equal(program, "deno");
      const done = await new Deno.Command(Deno.execPath(), { args, cwd: folder, stdin: "null" }).output();
      output = new TextDecoder().decode(done.stdout);
      assert.ok(done.success, `${command}\n${output}${new TextDecoder().decode(done.stderr)}`);
    }
    assert.match(output, /1 passed/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
