/** The half of an upgrade in which the Flow Aggregator is newer than its Agents, seen at its output. */
import assert from "node:assert/strict";
import { measureAggregation } from "./aggregator.ts";
import { interopTest } from "../interop_test_case.ts";
import { positionalUpgrades } from "./releases.ts";

const records = 10;

interopTest("records of Agents of its own release come out of a Flow Aggregator as they are", async () => {
  for (const { aggregator } of positionalUpgrades) {
    const result = await measureAggregation({ agent: aggregator, collector: aggregator }, {
      records,
      flavour: "typical",
    });
    assert.deepEqual(result, { delivered: records, exact: records, correct: records, errors: [] }, aggregator.name);
  }
});

interopTest("records of older Agents stay in a Flow Aggregator of up to v2.2", async () => {
  for (const { agent, aggregator } of positionalUpgrades) {
    const pair = { agent, collector: aggregator };
    const { delivered, errors } = await measureAggregation(pair, { records, flavour: "typical" });
    assert.equal(delivered, 0, aggregator.name);
    assert.equal(errors.length, records);
    for (const error of errors) assert.match(error, /field count of data does not match template/);
  }
});
