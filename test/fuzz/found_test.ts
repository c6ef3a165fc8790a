/** What fuzzing found, kept in `found/`: each file is a case that failed once, made smaller. */
import assert from "node:assert/strict";
import { readCase } from "./case_file.ts";
import { judge } from "./fuzzer.ts";
import { TARGETS } from "./targets/targets.ts";

const directory = new URL("found/", import.meta.url);

for (const { name } of [...Deno.readDirSync(directory)].sort((one, other) => one.name < other.name ? -1 : 1)) {
  if (!name.endsWith(".json")) continue;
  const { target: targetName, failure, case: one } = readCase(Deno.readTextFileSync(new URL(name, directory)));
  Deno.test(`found ${name}: ${failure.split("\n")[0]?.slice(0, 80)}`, async () => {
    const target = TARGETS.get(targetName);
    assert.ok(target !== undefined, `no target ${targetName}`);
    assert.equal((await judge(target, one)).failure, undefined);
    await target.close?.();
  });
}
