import assert from "node:assert/strict";
import fc from "fast-check";
import { DELIVERED_WITHIN, LossBound } from "./loss_bound.ts";

Deno.test("no write, no loss", () => assert.equal(new LossBound(1000).records(0, true), 0));

Deno.test("the bound is never below the records of the last octets in flight, and never far above", () => {
  const write = fc.record({ octets: fc.integer({ min: 1, max: 400 }), records: fc.integer({ min: 0, max: 9 }) });
  fc.assert(
    fc.property(fc.array(write, { maxLength: 300 }), fc.integer({ min: 400, max: 5000 }), (writes, inFlight) => {
      const bound = new LossBound(inFlight);
      writes.forEach(({ octets, records }, index) => {
        bound.add(octets, records, 0);
        let octetsBack = 0;
        let least = 0;
        let most = 0;
        for (const one of writes.slice(0, index + 1).reverse()) {
          if (octetsBack < inFlight) least += one.records;
          // One span of marks, and one write across it, is what it may be too high by.
          if (octetsBack < inFlight + inFlight / 31 + 400) most += one.records;
          octetsBack += one.octets;
        }
        const said = bound.records(0, false);
        assert.ok(said >= least && said <= most, `${least} <= ${said} <= ${most}`);
      });
    }),
  );
});

Deno.test("closed in order: never fewer than the records of the last seconds, and no more than a little older ones", () => {
  const write = fc.record({ records: fc.nat(9), pause: fc.oneof(fc.nat(300), fc.nat(3_000)), took: fc.nat(50) });
  fc.assert(
    fc.property(fc.array(write, { maxLength: 200 }), fc.nat(5_000), (writes, rest) => {
      const bound = new LossBound();
      const taken: { time: number; records: number }[] = [];
      let now = 0;
      for (const { records, pause, took } of writes) {
        bound.add(100, records, now += pause);
        bound.take(now += took, false);
        taken.push({ time: now, records });
      }
      now += rest;
      const since = (age: number) =>
        taken.reduce((sum, { time, records }) => sum + (time > now - age ? records : 0), 0);
      const said = bound.records(now, true);
      assert.ok(said >= since(DELIVERED_WITHIN), `${said} of ${since(DELIVERED_WITHIN)}`);
      assert.ok(said <= since(2 * DELIVERED_WITHIN), `${said} of ${since(2 * DELIVERED_WITHIN)}`);
    }),
  );
});

Deno.test("unless closed in order without waits, the bound is all that the kernels can hold", () => {
  const bound = new LossBound();
  for (let record = 0; record < 1_000; record++) {
    bound.add(100, 1, record);
    bound.take(record, false);
  }
  assert.equal(bound.records(10_000, false), 1_000, "reset: the collector had not read it all");
  assert.equal(bound.records(10_000, true), 0);
  bound.add(100, 7, 10_000);
  assert.equal(bound.records(20_000, true), 7, "the write is under way");
  bound.take(20_000, true);
  assert.equal(bound.records(30_000, true), 1_007, "it may be behind");
  assert.equal(bound.records(90_000, true), 0);
});
