import assert from "node:assert/strict";
import { Candidates } from "./candidates.ts";
import type { Expectation } from "./expectation.ts";

const expectation = (profile: string): Expectation => ({ profile, dialect: "", key: profile, adopt: () => {} });
const candidates = () => new Candidates({ list: ["v2.7", "v2.0", "v1.1"].map(expectation), acceptedAfter: 10_000 });

/** The end of a collector, `lived` milliseconds after it received templates at this time. */
const end = (usedAt: number, lived = 5, how: "closed" | "ended" = "ended") => ({
  how,
  usedAt,
  endedAt: usedAt + lived,
});

Deno.test("a collector that ends soon after its templates gets the next candidate the second time", () => {
  const tried = candidates();
  assert.equal(tried.current?.profile, "v2.7");
  assert.equal(tried.reject(end(0)), undefined, "once is no pattern");
  assert.equal(tried.reject(end(1_000))?.to.profile, "v2.0");
  assert.equal(tried.reject(end(2_000)), undefined);
  assert.equal(tried.reject(end(3_000))?.to.profile, "v1.1");
  assert.equal(tried.reject(end(4_000)), undefined);
  assert.equal(tried.reject(end(5_000)), undefined, "there is none after the last");
  assert.deepEqual([tried.current?.profile, tried.steps.count], ["v1.1", 2]);
});

Deno.test("one end that closes many connections counts once", () => {
  const tried = candidates();
  for (const usedAt of [0, 1, 2, 3]) assert.equal(tried.reject({ how: "closed", usedAt, endedAt: 10 }), undefined);
  assert.equal(tried.current?.profile, "v2.7");
});

Deno.test("a collector that has lived long enough has accepted its candidate", () => {
  const tried = candidates();
  tried.reject(end(0));
  assert.equal(tried.reject(end(1_000, 10_000)), undefined);
  assert.equal(tried.reject(end(20_000)), undefined, "counted from the beginning");
  assert.equal(tried.current?.profile, "v2.7");
});

Deno.test("the newest is tried again with the epoch after one that accepted another, once", () => {
  const tried = candidates();
  tried.reject(end(0));
  tried.reject(end(1_000));
  tried.lived(9_999);
  assert.equal(tried.beginEpoch(), undefined, "v2.0 is not accepted yet");
  tried.lived(10_000);
  const again = tried.beginEpoch();
  assert.deepEqual([again?.to.profile, again?.why], ["v2.7", "epoch"]);
  assert.equal(tried.reject(end(100_000))?.to.profile, "v2.0", "at the first end");
  assert.equal(tried.beginEpoch(), undefined, "the epoch that this end began does not try it again");
  assert.equal(tried.current?.profile, "v2.0");
  tried.lived(10_000);
  assert.equal(tried.beginEpoch()?.to.profile, "v2.7", "an upgrade of the collector is found with a later one");
  tried.lived(10_000);
  assert.equal(tried.beginEpoch(), undefined);
  assert.equal(tried.current?.profile, "v2.7");
});
