/** Real go-ipfix exporters and collectors of different releases, straight and through the proxy. */
import assert from "node:assert/strict";
import { interopTest } from "./interop_test_case.ts";
import { measureAll, outcome, readCompatibility } from "./measure/compatibility.ts";
import type { Measurement } from "./measure/measure_pair.ts";

function key({ agent, collector, scenario }: Measurement): string {
  return `${agent} → ${collector}, ${scenario}`;
}

interopTest("every pair measured directly gives what is kept in config/compatibility", async () => {
  const { direct } = await readCompatibility();
  const again = await measureAll({ flavour: "typical" });
  assert.deepEqual(again.map(key), direct.map(key), "the pairs are not those that are kept: record them again");
  for (const [index, measurement] of again.entries()) {
    assert.deepEqual(measurement, direct[index], key(measurement));
  }
});

/**
 * What the sources of go-ipfix and Antrea say must happen, for Agents newer than the Aggregator. One letter for each
 * collector line: `c` closed, nothing arrives; `p` nothing arrives, and the Aggregator dies where it knew the older
 * template; `g` nothing arrives, and where it knew the older template, wrong values do; `m` as `g`, and it dies in the
 * end; `d` delivered in another order than its own; `=` its own list. Older Agents are always delivered.
 */
const predicted: Readonly<Record<string, string>> = {
  // Collectors v0.12 v1.0 v1.1 v1.2.1, v1.2 v1.5 v1.6 v1.11, v1.13 v1.14 v1.15, v2.0 v2.2 v2.3 v2.4 v2.6 v2.7
  "v0.12": "=ddd dddd ddd dddddd",
  "v1.0": "c=dd dddd ddd dddddd",
  "v1.1": "cc== ==== ddd dddddd",
  "v1.13": "cccc pppp ==d dddddd",
  "v1.15": "cccc pppp pd= dddddd",
  "v2.0": "cccc pppp ppp ====dd",
  "v2.6": "cccc pppp ppg dddd=d",
  "v2.7": "cccc pppp ppm ggddd=",
};

const meanings: Readonly<Record<string, readonly [fresh: RegExp, known: RegExp]>> = {
  "=": [/^50\/50$/, /^50\/50$/],
  d: [/^50\/0$/, /^50\/0$/],
  c: [/^0, closed$/, /^0, closed$/],
  p: [/^0$/, /^0, panic$/],
  g: [/^0$/, /^50 garbage$/],
  m: [/^0$/, /^\d+ garbage, panic$/],
};

Deno.test("the recorded direct table is what the sources of go-ipfix predict", async () => {
  const { direct } = await readCompatibility();
  const agents = [...new Set(direct.map(({ agent }) => agent))];
  const collectors = [...new Set(direct.map(({ collector }) => collector))];
  assert.deepEqual(agents, Object.keys(predicted));
  for (const agent of agents) {
    const letters = predicted[agent]?.replaceAll(" ", "") ?? "";
    assert.equal(letters.length, collectors.length);
    for (const [index, collector] of collectors.entries()) {
      const of = direct.filter((one) => one.agent === agent && one.collector === collector);
      const [fresh, known] = meanings[letters[index] ?? ""] ?? [];
      assert(fresh && known);
      assert.deepEqual(of.map(({ scenario }) => scenario), ["fresh", "known"]);
      assert.match(outcome(of[0] ?? assert.fail()), fresh, `${agent} → ${collector}, fresh`);
      assert.match(outcome(of[1] ?? assert.fail()), known, `${agent} → ${collector}, known`);
    }
  }
});
