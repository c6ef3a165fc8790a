import assert from "node:assert/strict";
import { parse } from "@std/yaml";
import { SHIPPED } from "../../../plugins/mod.ts";
import { configurationJsonSchema, configurationJsonSchemaText } from "./json_schema.ts";

const written = new URL("../../../config/proxy.schema.json", import.meta.url);

Deno.test("config/proxy.schema.json is current: else run `deno task schema`", async () => {
  assert.equal(await Deno.readTextFile(written), configurationJsonSchemaText());
});

Deno.test("config/proxy.yaml tells editors where its schema is", async () => {
  const yaml = await Deno.readTextFile(new URL("../../../config/proxy.yaml", import.meta.url));
  const reference = /^# yaml-language-server: \$schema=(\S+)$/m.exec(yaml)?.[1];
  assert.equal(new URL(reference ?? "", new URL("../../../config/", import.meta.url)).href, written.href);
  const keys = Object.keys(parse(yaml) ?? {});
  const known = Object.keys(configurationJsonSchema().properties ?? {});
  assert.deepEqual(keys.filter((key) => !known.includes(key)), []);
});

Deno.test("the schema names every shipped plugin, with its options", () => {
  const text = JSON.stringify(configurationJsonSchema().definitions);
  for (const { name } of SHIPPED) assert(text.includes(`"const":${JSON.stringify(name)}`), name);
  assert(text.includes('"enum":["unexpected","unknown"]'));
});
