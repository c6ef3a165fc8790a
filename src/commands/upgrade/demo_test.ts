import assert from "node:assert/strict";
import { runCommand, startCommand } from "../../../test/support/processes/run_command.ts";

Deno.test("the demo shows what an upgrade loses directly, and that nothing is lost through the proxy", async () => {
  const { status, text, stderr } = await runCommand("demo");
  assert.deepEqual([status, stderr], [0, ""], text);
  for (const line of text.split("\n")) assert.ok(line.length <= 80, line);
  assert.match(text, /died: panic: runtime error: index out of range/);
  assert.match(text, /field count of data \(41\) does\s+not\s+match its/);
  assert.match(
    text,
    new RegExp(
      [
        " +sent +arrived +wrong +lost +deaths",
        "Agents first, directly +120 +60 +0 +60 +3",
        "Agents first, through the proxy +120 +120 +0 +0 +0",
        "Aggregator first, directly +120 +120 +60 +0 +0",
        "Aggregator first, through the proxy +120 +120 +0 +0 +0",
        "",
        "Through the proxy every record arrived and every value in it is right.",
        "Stripped where the Aggregator does not know the field: egressNodeName.",
      ].join("\n"),
    ),
  );
});

Deno.test("other releases can be named, even for a downgrade; an unknown one is an error", async () => {
  const { status, text } = await runCommand("demo", ["--from", "antrea/v2.7", "--to", "antrea/v0.12"]);
  assert.equal(status, 0, text);
  const wrong = await runCommand("demo", ["--to", "antrea/v3.0"]);
  assert.deepEqual([wrong.status, wrong.text], [2, ""]);
  assert.match(wrong.stderr, /--to: .*unknown profile "antrea\/v3\.0"/);
});

Deno.test("--keep goes on until SIGINT, with an admin server to look at", async () => {
  const child = startCommand("demo", ["--keep"]);
  await child.stdin.close();
  const stderr = new Response(child.stderr).text();
  let text = "";
  let asked = false;
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const admin = /admin +(http:\S+)/.exec(text)?.[1];
    if (asked || admin === undefined || !text.includes("one flow each per second")) continue;
    asked = true;
    const { collector, skew } = await (await fetch(admin)).json();
    assert.equal(collector.profile, "antrea/v1.15");
    assert.equal(typeof skew.left, "number");
    const page = /dashboard +(http:\S+)/.exec(text)?.[1] ?? "";
    assert.match(await (await fetch(page)).text(), /<title>Dashboard/);
    const chart = await fetch(new URL("/assets/uplot.js", page));
    assert.match(await chart.text(), /uPlot/, "with the permissions of the task alone");
    child.kill("SIGINT");
  }
  assert.equal((await child.status).code, 0, await stderr);
  assert.match(text, /\d+ records arrived\.\n$/);
});
