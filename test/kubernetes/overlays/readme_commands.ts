import assert from "node:assert/strict";

/** The lines of the shell block under a heading of config/kubernetes/README.md. */
export function readmeCommands(readme: string, heading: string): string[] {
  const [, section = ""] = readme.split(`\n## ${heading}\n`);
  const [, block] = /```sh\n([\s\S]*?)```/.exec(section.split("\n## ")[0] ?? "") ?? [];
  assert.ok(block !== undefined, `no commands under ${heading}`);
  return block.trim().split("\n");
}
