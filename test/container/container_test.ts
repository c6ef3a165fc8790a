import assert from "node:assert/strict";
import { childOf } from "./container.ts";

Deno.test("the child of a process that has none, or is gone, is no process to send a signal to", async () => {
  const process = new Deno.Command("cat", { stdin: "piped", stdout: "null" }).spawn();
  assert.throws(() => childOf(process.pid), /has no child/);
  await process.stdin.close();
  await process.status;
  assert.throws(() => childOf(process.pid), Deno.errors.NotFound);
});
