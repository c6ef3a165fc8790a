import assert from "node:assert/strict";
import { FakeView, skewedSession } from "../../../test/support/fake_view.ts";
import { Counters, increment } from "../../mediation/templates/counters.ts";
import { SLICE, sumsOf, totalsNow, totalsOf } from "./totals.ts";

function counted(records: number): Counters {
  const counters = new Counters();
  counters.recordsReceived = records;
  increment(counters.recordsDropped, "unknown_template", records);
  return counters;
}

Deno.test("thousands of sessions are summed some at a time; one that ends meanwhile counts once", async () => {
  const view = new FakeView();
  view.open = Array.from({ length: 10 * SLICE }, (_, id) => skewedSession(String(id), { counters: counted(1) }));
  let pauses = 0;
  const { all } = await totalsOf(view, () => {
    pauses++;
    const left = view.open.pop();
    if (left !== undefined) view.ended.add(left.counters);
    return Promise.resolve();
  });
  assert.deepEqual([all.recordsReceived, pauses], [10 * SLICE, 10]);
  assert.equal(totalsNow(view).all.recordsReceived, 10 * SLICE);
});

Deno.test("what observed sessions count is kept apart in every sum", async () => {
  const view = new FakeView();
  view.open = [
    skewedSession("1", { counters: counted(2) }),
    skewedSession("2", { counters: counted(3), observed: true }),
  ];
  const { all, observed } = await totalsOf(view);
  assert.deepEqual([all.recordsReceived, observed.recordsReceived], [5, 3]);
  assert.deepEqual([...observed.recordsDropped], [["unknown_template", 3]]);
  const { received, dropped, observed: part } = sumsOf(view);
  assert.deepEqual([received, dropped, part], [5, 5, { dropped: 3, rejected: 0 }]);
});

Deno.test("summing the counters of thousands of sessions creates no maps in them", () => {
  const view = new FakeView();
  const counters = new Counters();
  view.open = [skewedSession("1", { counters })];
  sumsOf(view);
  totalsNow(view);
  assert.deepEqual(Object.keys(Reflect.get(counters, "made")), []);
});
