import assert from "node:assert/strict";

const SHARED_NAMES: readonly string[] = ["parse", "stringify"];

/**
 * What a file imports from `@std/yaml` beyond the two functions that npm's `yaml` and JSR's `@std/yaml` have in common.
 */
function otherNames(text: string): string[] {
  const statements = [...text.matchAll(/^(?:import|export)\b([^;"']*)\bfrom "@std\/yaml"/gm)];
  const dynamic = /\bimport\("@std\/yaml"\)/.test(text) ? ["import()"] : [];
  return statements.flatMap(([, clause = ""]) => {
    const braces = /^\s*\{([^}]*)\}\s*$/.exec(clause)?.[1];
    if (braces === undefined) return [clause.trim()];
    return braces.split(",").map((name) => name.trim().split(/\s+as\s+/)[0] ?? "").filter((name) => name !== "");
  }).filter((name) => !SHARED_NAMES.includes(name)).concat(dynamic);
}

async function* files(directory: URL): AsyncGenerator<URL> {
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    if (isDirectory) yield* files(new URL(`${name}/`, directory));
    else if (/\.tsx?$/.test(name)) yield new URL(name, directory);
  }
}

Deno.test("only parse and stringify are imported from @std/yaml, so the import map may resolve it to either package", async () => {
  let importing = 0;
  for (const folder of ["src/", "plugins/", "test/"]) {
    for await (const file of files(new URL(`../${folder}`, import.meta.url))) {
      if (file.href === import.meta.url) continue;
      const text = await Deno.readTextFile(file);
      if (text.includes('from "@std/yaml"')) importing++;
      assert.deepEqual(otherNames(text), [], file.pathname);
    }
  }
  assert.ok(importing > 0);
});

Deno.test("any other import from @std/yaml is found", () => {
  assert.deepEqual(otherNames('import { parse, stringify as write } from "@std/yaml";'), []);
  assert.deepEqual(otherNames('import { parse,\n  parseDocument } from "@std/yaml";'), ["parseDocument"]);
  assert.deepEqual(otherNames('import * as yaml from "@std/yaml";'), ["* as yaml"]);
  assert.deepEqual(otherNames('import type { Document } from "@std/yaml";'), ["type { Document }"]);
  assert.deepEqual(otherNames('const { Document } = await import("@std/yaml");'), ["import()"]);
  assert.deepEqual(otherNames('import { parseDocument } from "yaml";'), []);
});
