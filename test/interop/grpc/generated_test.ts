import assert from "node:assert/strict";
import { GO, toolTest } from "../../support/processes/tool_test_case.ts";
import { generateGo } from "./generate.ts";

toolTest(GO, "the peer's Go is generated from the proxy's .proto file as it stands", async () => {
  const files = await generateGo();
  assert.equal(files.size, 2);
  for (const [name, text] of files) {
    assert.equal(await Deno.readTextFile(new URL(`source/flowpb/${name}`, import.meta.url)), text, name);
  }
});
