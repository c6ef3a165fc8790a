import assert from "node:assert/strict";
import { type ChapterResult, closingTable, stageLines } from "./demo_report.ts";

Deno.test("what the Aggregator says fits the terminal, and so does a word that is longer", () => {
  const tally = { sent: 30, arrived: 20, wrong: 0, lost: 10, deaths: 1 };
  const refused =
    "refused: Information element with elementID 157 in registry with enterpriseID 56506 cannot be found.";
  const complaints = [refused, "x".repeat(100)];
  for (const width of [80, 60, 40]) {
    const stage = { upgraded: 1, tally, complaints };
    const said = stageLines(stage, 3, "antrea/v1.15", "antrea/v2.0", (_style, text) => text, width);
    assert.deepEqual(said.filter((line) => line.length > width), []);
    assert.equal(
      said.map((line) => line.trim()).join(" ").replaceAll("x x", "xx").replaceAll(/ +/g, " "),
      `Agents: 1 of 3 v2.0 20 of 30 arrived, 10 lost, the Aggregator died ${complaints.join(" ")}`,
    );
  }
});

Deno.test("the closing table is a sentence for each of its rows where it does not fit the terminal", () => {
  const tally = { sent: 120, arrived: 60, wrong: 1, lost: 60, deaths: 3 };
  const perfect = { sent: 120, arrived: 120, wrong: 0, lost: 0, deaths: 0 };
  const results: ChapterResult[] = [
    { order: "Agents first", through: "directly", tally },
    { order: "Aggregator first", through: "through the proxy", tally: perfect },
  ];
  const plain = (_style: string, text: string) => text;
  assert.deepEqual(closingTable(results, plain, 80), [
    "                                     sent  arrived  wrong  lost  deaths",
    "Agents first, directly                120       60      1    60       3",
    "Aggregator first, through the proxy   120      120      0     0       0",
  ]);
  for (const width of [70, 40]) {
    const lines = closingTable(results, plain, width);
    assert.deepEqual(lines.filter((line) => line.length > width), []);
    assert.equal(
      lines.map((line) => line.trim()).join(" "),
      "Agents first, directly: 60 of 120 arrived, 1 of them wrong, 60 lost, the Aggregator died 3 times " +
        "Aggregator first, through the proxy: 120 of 120 arrived",
    );
  }
});
