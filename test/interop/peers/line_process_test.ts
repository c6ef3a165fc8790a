import assert from "node:assert/strict";
import { LineProcess } from "../../support/processes/line_process.ts";

function shell(script: string): LineProcess {
  return new LineProcess("/bin/sh", ["-c", script]);
}

Deno.test("lines of both streams and the exit status are kept, the last line without its end as well", async () => {
  await using process = shell("read line; echo got $line; printf 'whole\\npart'; echo oops >&2; exit 2");
  await process.write("this");
  assert.deepEqual(await process.end(), { code: 2, signal: null });
  assert.deepEqual(process.stdout, ["got this", "whole", "part"]);
  assert.deepEqual(process.stderr, ["oops"]);
});

Deno.test("until is woken by a line, by the end, and by its time limit", async () => {
  await using process = shell("echo ready; read line; exit 0");
  assert.equal(await process.until(() => process.stdout.includes("ready"), 10_000), true);
  assert.equal(await process.until(() => false, 1), false);
  const waiting = process.until(() => false, 60_000);
  await process.write("leave");
  assert.equal(await waiting, false);
});

Deno.test("kill ends a process that does not want to, and may come late or twice", async () => {
  const process = shell("trap '' TERM; echo ready; while :; do read line || sleep 60; done");
  await process.until(() => process.stdout.length > 0, 10_000);
  assert.equal((await process.kill()).signal, "SIGKILL");
  assert.equal((await process.kill()).signal, "SIGKILL");
  await process.write("nobody reads this");
});
