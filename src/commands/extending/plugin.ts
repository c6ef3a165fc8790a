import { Command } from "commander";
import { DEFAULT_CHAIN } from "../../../plugins/mod.ts";
import { systemReason } from "../../error_message.ts";
import { printable, say } from "../../terminal/terminal.ts";
import { runFailure, usageFailure } from "../command_line/command_failure.ts";

/** The name that plugins import the contract by. */
const PLUGIN = "@ipfix-skew-proxy/proxy/plugin";
const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** The `plugin` command. */
export function pluginCommand(): Command {
  return new Command("plugin")
    .summary("create a plugin of your own")
    .description("Creates a plugin that works, with its test and its README.")
    .addCommand(
      new Command("new")
        .summary("create a folder with a plugin, its test and its README")
        .description("Creates the folder NAME, which must not exist yet, with mod.ts, mod_test.ts and README.md.")
        .argument("<name>", "lower-case words with hyphens, such as hide-ports; a folder may stand before it")
        .action(writePlugin),
    );
}

/** @throws CommandFailure where the name is no plugin's, or the folder exists */
async function writePlugin(path: string): Promise<void> {
  const name = path.split("/").at(-1) ?? "";
  if (!NAME.test(name)) {
    throw usageFailure(
      `error: "${printable(name)}" is not a name for a plugin (lower-case words with hyphens: hide-ports)`,
    );
  }
  try {
    await Deno.mkdir(path);
    for (const [file, text] of Object.entries(pluginFiles(name))) await Deno.writeTextFile(`${path}/${file}`, text);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw usageFailure(`error: ${printable(path)} exists already`);
    throw runFailure(`error: cannot write ${printable(path)}: ${writeReason(error)}`, error);
  }
  say(`${path}: mod.ts, mod_test.ts, README.md
In the configuration, with all steps that the chain needs (only those that are named run):
${chainText(await Deno.realPath(path))}`);
}

/** The default chain with a plugin in it, as YAML. */
function chainText(folder: string): string {
  const uses = DEFAULT_CHAIN.map(({ name }) => name);
  uses.splice(uses.indexOf("strip-unknown"), 0, `${folder}/mod.ts`);
  return ["plugins:", ...uses.map((use) => `  - use: ${use}`)].join("\n");
}

function writeReason(error: unknown): string {
  return error instanceof Deno.errors.NotFound ? "there is no such folder to put it in" : systemReason(error);
}

/** File name → text. */
export function pluginFiles(name: string): Record<string, string> {
  return {
    "mod.ts": `import { definePlugin, findElement, mapEvery, sameElement, z } from "${PLUGIN}";

/** Removes the fields that \`elements\` names. Replace this with what your plugin does. */
export default definePlugin({
  apiVersion: 1,
  name: "${name}",
  summary: "removes the elements that it names",
  options: z.strictObject({ elements: z.array(z.string()).default([]) }),
  create({ elements: names }, profile) {
    // Every name that no element has is a mistake of the configuration, at its place.
    const elements = mapEvery(names, (element) => findElement(profile, element));
    return {
      name: "${name}",
      rewrite(mapping) {
        const stripped = new Map(mapping.stripped);
        const fields = mapping.fields.filter(({ target, value, scope }) => {
          // An options template keeps its scope.
          if (scope === true || !elements.some((element) => sameElement(element, target.element))) return true;
          if (value.from === "record") stripped.set(value.index, "${name}"); // for explain and the dashboard
          return false;
        });
        return { ...mapping, fields, stripped };
      },
    };
  },
});
`,
    "mod_test.ts": `import assert from "node:assert/strict";
import { templateOf, tryPlugin } from "${PLUGIN}/testing";
import plugin from "./mod.ts";

Deno.test("the elements that it names are removed, with their values", () => {
  const { target, rewrite } = tryPlugin(plugin, {
    profile: "rfc7011",
    template: templateOf("rfc7011", ["protocolIdentifier", "sourceTransportPort"]),
    with: { elements: ["sourceTransportPort"] },
  });
  assert.deepEqual(target.fields.map(({ element }) => element.name), ["protocolIdentifier"]);
  assert.deepEqual(rewrite([6, 443]), [6]);
});
`,
    "README.md": `# ${name}

Removes the elements that \`elements\` names.

## Syntax

\`\`\`yaml
plugins:
  - use: map-fields
  - use: ./${name}/mod.ts # its path, from the folder of the configuration
    with: { elements: [sourceTransportPort] }
  - use: strip-unknown
  - use: pad-missing
  - use: match-order
\`\`\`

Only the plugins that the chain names run. An element that the collector expects is padded again behind this one.

| key        | meaning                          | default |
| ---------- | -------------------------------- | ------- |
| \`elements\` | the elements to remove, by name  | none    |

## Test

\`\`\`sh
deno test --allow-read --allow-env --config PROXY/deno.json ${name}
\`\`\`

PROXY is the folder of ipfix-skew-proxy, whose \`deno.json\` maps the import line.
`,
  };
}
