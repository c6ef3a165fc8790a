import assert from "node:assert/strict";
import { stageLines } from "./demo_report.ts";

Deno.test("what the Aggregator says fits the terminal, and so does a word that is longer", () => {
  const tally = { sent: 30, arrived: 20, wrong: 0, lost: 10, deaths: 1 };
  const refused =
    "refused: Information element with elementID 157 in registry with enterpriseID 56506 cannot be found.";
  const complaints = [refused, "x".repeat(100)];
  for (const width of [80, 60, 40]) {
    const stage = { upgraded: 1, tally, complaints };
    const [, ...said] = stageLines(stage, 3, "antrea/v1.15", "antrea/v2.0", (_style, text) => text, width);
    assert.deepEqual(said.filter((line) => line.length > width), []);
    assert.equal(said.map((line) => line.trim()).join(" ").replaceAll("x x", "xx"), complaints.join(" "));
  }
});
