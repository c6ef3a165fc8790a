import assert from "node:assert/strict";
import { withPointsWrapped } from "./plan.ts";
import { runCommand } from "../../../test/support/processes/run_command.ts";

const README = new URL("../../../config/kubernetes/README.md", import.meta.url);

Deno.test("plan prints every step with its commands, as config/kubernetes has them", async () => {
  const { status, text, stderr } = await runCommand("plan", ["--from", "v1.15", "--to", "v2.0"]);
  assert.deepEqual([status, stderr], [0, ""]);
  const titles = [...text.matchAll(/^## (\d+\. .*)$/gm)].map(([, title]) => title);
  assert.deepEqual(titles, [
    "1. Save what is there",
    "2. Put the proxy in (gateway)",
    "3. Turn the Service to the proxy",
    "4. Upgrade the Agents to v2.0.1",
    "5. Upgrade the Flow Aggregator to v2.0.1",
    "6. Wait until the proxy can go",
    "7. Take the proxy out",
  ]);
  const readme = await Deno.readTextFile(README);
  for (const heading of ["In, with a gateway", "Out, with a gateway"]) {
    const [, block = ""] = /```sh\n([\s\S]*?)```/.exec(readme.split(`\n## ${heading}\n`)[1] ?? "") ?? [];
    assert.notEqual(block, "", heading);
    for (const line of block.trim().split("\n")) assert.ok(text.includes(`\n${line}\n`), line);
  }
});

Deno.test("plan upgrades the Aggregator first where that is asked, and leaves the proxy out where none is needed", async () => {
  const { text } = await runCommand("plan", [
    "--from",
    "v2.2",
    "--to",
    "v2.5",
    "--order",
    "aggregator-first",
    "--json",
  ]);
  const { upgrade, steps } = JSON.parse(text);
  assert.equal(upgrade.needed, false);
  const titles = steps.map(({ title }: { title: string }) => title);
  assert.deepEqual(titles, [
    "Save what is there",
    "Upgrade the Flow Aggregator to v2.5.3",
    "Upgrade the Agents to v2.5.3",
  ]);
});

Deno.test("plan puts the kubeconfig into each command as a shell reads it, and leaves JSON whole", async () => {
  const kubeconfig = `/tmp/it's "mine"/$&.yaml`;
  const args = ["--from", "v1.15", "--to", "v2.0", "--kubeconfig", kubeconfig];
  const { status, text } = await runCommand("plan", [...args, "--json"]);
  assert.equal(status, 0);
  const lines: string[] = JSON.parse(text).steps.flatMap(
    ({ commands, back }: { commands: string[]; back: string[] }) => [...commands, ...back],
  ).filter((line: string) => line.startsWith("kubectl "));
  assert.ok(lines.length > 10);
  for (const line of lines) {
    const script = `kubectl() { printf '%s' "$1"; }; sleep() { :; }; ${line.replace(/ > \S+$/, "")}\nwait`;
    const { stdout } = await new Deno.Command("sh", { args: ["-ec", script] }).output();
    assert.equal(new TextDecoder().decode(stdout), `--kubeconfig=${kubeconfig}`, line);
  }
  assert.ok((await runCommand("plan", args)).text.includes(`deno task restore --config`));
});

Deno.test("plan refuses with 2 an upgrade that Antrea does not support or that makes no sense", async () => {
  for (
    const [args, message] of [
      [["--from", "v1.5", "--to", "v2.0"], /upgrade by way of v1\.9/],
      [["--from", "v1.15"], /--to is missing/],
      [["--from", "v1.15", "--to", "v2.0", "--order", "both"], /agents-first/],
      [["--from", "v1.15", "--to", "v2.0", "--overlay", "both"], /gateway, sidecar/],
      [["--from", "v1.15", "--to", "v2.0", "--check"], /--kubeconfig is missing/],
      [["--from", "v1.15", "--to", "v2.0", "--check", "--kubeconfig", "/nowhere"], /--kubeconfig: .*\/nowhere/],
    ] as const
  ) {
    const { status, text, stderr } = await runCommand("plan", args);
    assert.deepEqual([status, text], [2, ""]);
    assert.match(stderr, message);
  }
});

Deno.test("in a terminal a runbook's points are wrapped, and its commands stay whole", () => {
  const command = `kubectl apply --server-side ${"--and-more ".repeat(8)}`;
  const markdown = `# Title\n\n- one two three four five six\n- 7\n\n\`\`\`sh\n${command}\n\`\`\``;
  assert.equal(
    withPointsWrapped(markdown, 16),
    `# Title\n\n- one two three\n  four five six\n- 7\n\n\`\`\`sh\n${command}\n\`\`\``,
  );
});
