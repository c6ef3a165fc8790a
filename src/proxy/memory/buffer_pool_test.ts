import assert from "node:assert/strict";
import { HeapBufferPool } from "./buffer_pool.ts";

Deno.test("a buffer that was returned is lent again, however often, and no more are kept than may be", () => {
  const pool = new HeapBufferPool({ generous: 1_000_000, retained: 8192 });
  const first = pool.lease(4096);
  for (let times = 0; times < 10; times++) {
    pool.release(first);
    assert.equal(pool.lease(4096), first);
  }
  const views = [first, pool.lease(4096), pool.lease(4096)];
  assert.equal(pool.leased, 3 * 4096);
  for (const view of views) pool.release(view);
  const again = views.map(() => pool.lease(4096));
  assert.equal(again.filter((view) => views.includes(view)).length, 2);
});
