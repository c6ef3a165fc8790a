import assert from "node:assert/strict";
import fc from "fast-check";
import { LossBound } from "./loss_bound.ts";

Deno.test("no write, no loss", () => assert.equal(new LossBound(1000).records, 0));

Deno.test("the bound is never below the records of the last octets in flight, and never far above", () => {
  const write = fc.record({ octets: fc.integer({ min: 1, max: 400 }), records: fc.integer({ min: 0, max: 9 }) });
  fc.assert(
    fc.property(fc.array(write, { maxLength: 300 }), fc.integer({ min: 400, max: 5000 }), (writes, inFlight) => {
      const bound = new LossBound(inFlight);
      writes.forEach(({ octets, records }, index) => {
        bound.add(octets, records);
        let octetsBack = 0;
        let least = 0;
        let most = 0;
        for (const one of writes.slice(0, index + 1).reverse()) {
          if (octetsBack < inFlight) least += one.records;
          // One span of marks, and one write across it, is what it may be too high by.
          if (octetsBack < inFlight + inFlight / 31 + 400) most += one.records;
          octetsBack += one.octets;
        }
        assert.ok(bound.records >= least && bound.records <= most, `${least} <= ${bound.records} <= ${most}`);
      });
    }),
  );
});
