import assert from "node:assert/strict";
import { COMMANDS, loadCommands } from "./commands.ts";

Deno.test("a command goes by the name it is loaded by, and the help lists all in their order", async () => {
  const names = [...COMMANDS.keys()];
  assert.deepEqual((await loadCommands([])).map((command) => command.name()), names);
  assert.deepEqual((await loadCommands(["--help"])).map((command) => command.name()), names);
  assert.deepEqual((await loadCommands(["explian"])).map((command) => command.name()), names);
  for (const name of names) {
    assert.deepEqual((await loadCommands([name, "--help"])).map((command) => command.name()), [name]);
  }
});
