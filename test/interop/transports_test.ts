/** The peers themselves: each go-ipfix release with its own collector, over every transport. */
import assert from "node:assert/strict";
import { issueIdentities } from "./peers/identities.ts";
import { interopTest } from "./interop_test_case.ts";
import { measurePair } from "./measure/measure_pair.ts";
import { collectorLines } from "./peers/releases.ts";
import type { Measurement, MeasureOptions } from "./measure/measure_pair.ts";

const records = 10;

async function eachWithItself(options: Omit<MeasureOptions, "scenario" | "records">): Promise<void> {
  for (const line of collectorLines) {
    const measured = await measurePair({ agent: line, collector: line }, { ...options, scenario: "fresh", records });
    const { delivered, exact, correct, closed, panic }: Measurement = measured;
    const expected = { delivered: records, exact: records, correct: records, closed: false, panic: null };
    assert.deepEqual({ delivered, exact, correct, closed, panic }, expected, line.name);
  }
}

interopTest("every release with itself over tcp, extreme values", () => eachWithItself({ flavour: "extreme" }));

interopTest("every release with itself over mutual tls, extreme values", async () => {
  await using identities = await issueIdentities();
  await eachWithItself({ flavour: "extreme", transport: "tls", identities });
});

interopTest(
  "every release with itself over udp, in datagrams of at most 512 octets",
  () => eachWithItself({ flavour: "short", transport: "udp" }),
);
