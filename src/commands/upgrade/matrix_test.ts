import assert from "node:assert/strict";
import { runCommand } from "../../../test/support/processes/run_command.ts";
import { painter } from "../../terminal/terminal.ts";
import { matrixTable } from "./matrix.ts";
import { compatibilityCells, releaseLines } from "../../offline/compatibility.ts";

const LINES = releaseLines();
const CELLS = compatibilityCells(LINES);

function cell(agent: string, collector: string) {
  const found = CELLS.find((cell) => cell.agent === agent && cell.collector === collector);
  assert.ok(found, `${agent} with ${collector}`);
  return found;
}

Deno.test("every line meets every other once, oldest first", () => {
  assert.deepEqual([LINES[0]?.line, LINES[0]?.until, LINES.at(-1)?.line], ["v0.12", "v0.12.3", "v2.7"]);
  assert.equal(CELLS.length, LINES.length ** 2);
  assert.equal(new Set(CELLS.map(({ agent, collector }) => `${agent} ${collector}`)).size, CELLS.length);
  assert.deepEqual([CELLS[0]?.agent, CELLS[0]?.collector, CELLS[1]?.collector], ["v0.12", "v0.12", "v0.13"]);
});

Deno.test("direct outcomes are those that were measured", () => {
  assert.equal(cell("v1.15", "v1.15").direct.outcome, "identical");
  assert.deepEqual([cell("v2.0", "v1.15").direct.outcome, cell("v2.0", "v1.15").direct.how], ["broken", "dies"]);
  assert.match(cell("v2.0", "v1.15").direct.why, /index out of range/);
  assert.equal(cell("v2.6", "v1.15").direct.how, "false");
  assert.equal(cell("v1.0", "v0.12").direct.how, "shut");
  assert.equal(cell("v1.15", "v2.0").direct.how, "stuck");
  assert.equal(cell("v1.15", "v2.3").direct.how, "id 0");
  assert.equal(cell("v1.15", "v2.4").direct.outcome, "lossless");
  assert.equal(cell("v2.7", "v2.6").direct.outcome, "lossy");
  // Nobody measured v2.1; v2.0 has the same templates and the same go-ipfix.
  assert.match(cell("v2.7", "v2.1").direct.measured.collector, /^v2\.0 /);
});

Deno.test("through the proxy nothing breaks, and what is lost is what the collector does not know", () => {
  for (const { agent, collector, proxied } of CELLS) {
    assert.notEqual(proxied.outcome, "broken", `${agent} with ${collector}`);
    if (agent === collector) assert.equal(proxied.outcome, "identical");
  }
  assert.deepEqual(cell("v2.0", "v1.15").proxied, {
    outcome: "lossy",
    stripped: ["egressNodeName"],
    padded: [],
    lost: ["egressNodeName"],
  });
  assert.deepEqual(cell("v1.15", "v2.0").proxied, {
    outcome: "lossless",
    stripped: [],
    padded: ["egressNodeName"],
    lost: [],
  });
});

Deno.test("the table fits 80 columns, and has no colour where the output is no terminal", async () => {
  const { status, text, stderr } = await runCommand("matrix");
  assert.deepEqual([status, stderr], [0, ""]);
  for (const line of text.split("\n")) assert.ok(line.length <= 80, line);
  assert.doesNotMatch(text, /\p{Cc}(?<!\n)/u);
  assert.match(text, /^v2\.0-5 +shut +shut +shut +dies +dies +dies +dies +same +same +same +less +less$/m);
});

Deno.test("on a narrower terminal the table is split into several, and no cell is missing", () => {
  const plain = painter(false);
  const cellsOf = (width: number) =>
    matrixTable(LINES, CELLS, plain, width).filter((line) => line.startsWith("v2.0-5 "));
  for (const width of [20, 40, 60, 79, 80, 200]) {
    for (const line of matrixTable(LINES, CELLS, plain, width)) {
      assert.ok(line.length <= Math.max(width, "Through the proxy (Aggregator →)".length), `${width}: ${line}`);
    }
    const words = cellsOf(width).flatMap((line) => line.split(/\s+/).slice(1));
    assert.deepEqual(words, cellsOf(200).flatMap((line) => line.split(/\s+/).slice(1)), String(width));
  }
  assert.equal(cellsOf(80).length, 2, "one directly, one through the proxy");
  assert.equal(cellsOf(60).length, 3, "the first in two tables");
});

Deno.test("matrix as JSON and Markdown", async () => {
  const json = JSON.parse((await runCommand("matrix", ["--format", "json"])).text);
  assert.deepEqual(Object.keys(json), ["releases", "cells"]);
  const { line, since, until, profile } = json.releases[2];
  assert.deepEqual([line, since, until, profile], ["v1.0", "v1.0.0", "v1.0.3", "antrea/v1.0"]);
  assert.deepEqual(Object.keys(json.cells[0]), ["agent", "collector", "direct", "proxied"]);
  const { text } = await runCommand("matrix", ["--format", "markdown"]);
  assert.match(text, /^\| \*\*v1\.15\*\* \| .*stuck → ok/m);
});
