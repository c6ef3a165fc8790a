import assert from "node:assert/strict";
import { Allowance } from "./allowance.ts";

Deno.test("a second's worth of changes is free; past it each one waits, and no more is saved up", () => {
  const allowance = new Allowance(1_000, 0);
  assert.equal(allowance.use(600, 1_000, 0), 0);
  assert.equal(allowance.use(400, 1_000, 0), 0);
  assert.equal(allowance.use(50, 1_000, 0), 50);
  assert.equal(allowance.use(10, 1_000, 50), 10, "what was waited for is earned");
  assert.equal(allowance.use(1_000, 1_000, 100_000), 0, "an hour of silence earns a second's worth");
  assert.equal(allowance.use(1, 1_000, 100_000), 1);
});

Deno.test("another limit holds from the next change on", () => {
  const allowance = new Allowance(10, 0);
  assert.equal(allowance.use(20, 10, 0), 1_000);
  assert.equal(allowance.use(0, 1_000, 0), 10);
});
