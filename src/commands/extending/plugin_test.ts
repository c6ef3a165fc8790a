import assert from "node:assert/strict";
import { runCommand } from "../../../test/support/processes/run_command.ts";
import { pluginFiles } from "./plugin.ts";

Deno.test("plugin new: a folder whose plugin passes its own test and runs in a chain", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const made = await runCommand("plugin", ["new", `${folder}/hide-ports`]);
    assert.equal(made.status, 0, made.stderr);
    const test = await new Deno.Command(Deno.execPath(), {
      args: ["test", "--quiet", "--allow-read", "--allow-env", "--config", "deno.json", `${folder}/hide-ports`],
      cwd: new URL("../../../", import.meta.url),
    }).output();
    assert.ok(test.success, new TextDecoder().decode(test.stdout));
    const yaml = `listen: [{ address: 127.0.0.1:0 }]
collector: { address: 127.0.0.1:4739, profile: rfc7011 }
plugins: [{ use: ./hide-ports/mod.ts, with: { elements: [sourceTransportPort] } }]
`;
    await Deno.writeTextFile(`${folder}/proxy.yaml`, yaml);
    const checked = await runCommand("check", ["--config", `${folder}/proxy.yaml`]);
    assert.equal(checked.status, 0, checked.stderr);
    const chain = made.stderr.slice(made.stderr.indexOf("plugins:"));
    await Deno.writeTextFile(
      `${folder}/agents.yaml`,
      `${yaml.replace(/plugins:.*\n/, "").replace("rfc7011", "antrea/v1.15")}${chain}`
        .replace("hide-ports/mod.ts", "hide-ports/mod.ts\n    with: { elements: [flowEndReason] }"),
    );
    const explained = await runCommand("explain", [
      ...["--config", `${folder}/agents.yaml`, "--from", "antrea/v2.0", "--to", "antrea/v1.15"],
    ]);
    assert.match(
      new TextDecoder().decode(explained.stdout),
      /stripped +flowEndReason \(hide-ports\), egressNodeName \(strip-unknown\)\n/,
    );
    const again = await runCommand("plugin", ["new", `${folder}/hide-ports`]);
    assert.deepEqual([again.status, again.stderr.includes("exists already")], [2, true]);
    await Deno.writeTextFile(`${folder}/proxy.yaml`, yaml.replace("elements:", "element:"));
    const wrong = await runCommand("check", ["--config", `${folder}/proxy.yaml`]);
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /proxy\.yaml:3:\d+: plugins\[0\]\.with\.element: unknown key/);
    await Deno.writeTextFile(
      `${folder}/proxy.yaml`,
      yaml.replace("sourceTransportPort", "sourcePort, destinationPort"),
    );
    const { stderr } = await runCommand("check", ["--config", `${folder}/proxy.yaml`]);
    assert.match(
      stderr,
      /elements\[0\]: no element is called "sourcePort"[^]*elements\[1\]: no element is called "destin/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("plugin new: an invalid name is refused", async () => {
  for (const name of ["", "Hide", "a--b", "../x/"]) assert.equal((await runCommand("plugin", ["new", name])).status, 2);
  assert.deepEqual(Object.keys(pluginFiles("a")), ["mod.ts", "mod_test.ts", "README.md"]);
});
