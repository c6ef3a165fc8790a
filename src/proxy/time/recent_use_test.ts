import assert from "node:assert/strict";
import { RecentUse } from "./recent_use.ts";

Deno.test("what was used is forgotten at a steady rate, and never less than nothing", () => {
  const use = new RecentUse(0.01);
  assert.equal(use.used(1_000), 0);
  use.add(5, 1_000);
  assert.equal(use.used(1_000), 5);
  assert.equal(use.used(1_100), 4);
  use.add(2, 1_100);
  assert.equal(use.used(1_200), 5);
  assert.equal(use.used(9_000), 0);
});
