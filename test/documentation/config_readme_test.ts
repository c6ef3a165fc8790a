import assert from "node:assert/strict";
import { parse } from "@std/yaml";
import { configurationSchema } from "../../src/config/schema/configuration_schema.ts";
import { loadConfiguration } from "../../src/config/load.ts";
import { loadProfile } from "../../src/config/profiles/profiles.ts";
import { profileSchema } from "../../src/config/profiles/profile_schema.ts";
import { DIALECTS } from "../../src/mediation/mapping/profile/dialect.ts";
import { z } from "../../src/mediation/mapping/plugin.ts";
import { Authority } from "../support/certificates.ts";

const text = await Deno.readTextFile(new URL("../../config/README.md", import.meta.url));

interface Node {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
  readonly $ref?: string;
  readonly default?: unknown;
  readonly definitions?: Readonly<Record<string, Node>>;
}

/** Every key below a schema, by its path with `[]` for a list's entries; with its default, where that is one value. */
function keysOf(schema: z.ZodType): Map<string, unknown> {
  const root: Node = JSON.parse(
    JSON.stringify(z.toJSONSchema(schema, { target: "draft-7", io: "input", unrepresentable: "any" })),
  );
  const keys = new Map<string, unknown>();
  const walk = (node: Node, path: string): void => {
    if (node.$ref !== undefined) walk(root.definitions?.[node.$ref.split("/").at(-1) ?? ""] ?? assert.fail(), path);
    for (const branch of node.anyOf ?? []) walk(branch, path);
    if (node.items !== undefined) walk(node.items, `${path}[]`);
    for (const [key, inner] of Object.entries(node.properties ?? {})) {
      const below = path === "" ? key : `${path}.${key}`;
      keys.set(below, inner.default);
      walk(inner, below);
    }
  };
  walk(root, "");
  return keys;
}

/** The path as the README has it: tls, dialect and plugins have one table each, wherever they stand. */
function documented(path: string): string {
  return path.replace(/^.*\b(tls|dialect)\./, "$1.").replace(/^peers\[\]\.(plugins\[\])/, "$1");
}

/** Table rows of a section by the keys in their first cell. */
function rows(from: string, to: string): Map<string, string> {
  const section = text.slice(text.indexOf(from), text.indexOf(to));
  assert.ok(section.length > 0);
  return new Map(
    [...section.matchAll(/^\| (`.*?) +\|(.*)$/gm)].flatMap(([, keys = "", rest = ""]) =>
      [...keys.matchAll(/`([^`]+)`/g)].map(([, key = ""]) => [key, rest] as const)
    ),
  );
}

const configurationRows = new Map([...rows("## Keys", "## Profiles"), ...rows("| limit ", "## Which collectors")]);

Deno.test("config/README.md has a row for every key of the configuration, and for no other", () => {
  const keys = new Set([...keysOf(configurationSchema).keys()].map(documented));
  assert.deepEqual([...configurationRows.keys()].sort(), [...keys].sort());
});

Deno.test("config/README.md names the default that holds", () => {
  let compared = 0;
  for (const [path, value] of keysOf(configurationSchema)) {
    if (!["string", "number", "boolean"].includes(typeof value)) continue;
    compared++;
    const row = configurationRows.get(documented(path)) ?? assert.fail(path);
    assert.ok(row.split("|")[1]?.includes(`\`${value}\``), `${path}: ${value} in ${row}`);
  }
  assert.ok(compared > 15, `${compared}`);
});

Deno.test("config/README.md has a row for every key of a profile file", () => {
  const section = rows("The keys of a profile file", "An element is written");
  // The parts of an addition, a rename and an element are shown in place.
  const keys = [...keysOf(profileSchema).keys()].filter((key) =>
    !/^dialect\.|add\[\]|renames\[\]|fields\[\]/.test(key)
  );
  assert.deepEqual([...section.keys()].sort(), keys.sort());
});

Deno.test("config/README.md shows each dialect's limits as they are", () => {
  const [head = ""] = text.match(/^\| limit .*$/m) ?? [];
  const names = [...head.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
  assert.deepEqual(names, [...DIALECTS.keys()]);
  const limits = rows("| limit ", "## Which collectors");
  names.forEach((name, column) => {
    for (const [limit, value] of Object.entries(DIALECTS.get(name) ?? {})) {
      if (["name", "undecodableTypes", "templateScopeAssumed"].includes(limit)) continue;
      const cell = limits.get(`dialect.${limit}`)?.split("|")[column + 1]?.trim();
      assert.equal(cell, value === Infinity ? "unlimited" : String(value), `${name} ${limit}`);
    }
  });
});

const examples = [...text.matchAll(/^```yaml\n([^]*?)^```$/gm)].map(([, yaml = ""]) => yaml);

Deno.test("config/README.md: every YAML example loads", async () => {
  const { certificate, key } = await (await Authority.create("cluster")).issue({ name: "aggregator" });
  let [configurations, profiles] = [0, 0];
  for (const yaml of examples) {
    const parsed = parse(yaml);
    assert.ok(typeof parsed === "object" && parsed !== null);
    if ("templates" in parsed) {
      profiles++;
      loadProfile("./my-collector.yaml", () => yaml);
      continue;
    }
    configurations++;
    const whole = "listen" in parsed ? yaml : `listen: [{ address: 0.0.0.0:24739 }]
collector: { address: 127.0.0.1:4739, profile: antrea/v2.7 }
${yaml}`;
    await loadConfiguration("proxy.yaml", {
      readTextFile: (path) => path === "proxy.yaml" ? whole : path.endsWith(".key") ? key : certificate,
    });
  }
  assert.ok(configurations > 1 && profiles > 0);
});
