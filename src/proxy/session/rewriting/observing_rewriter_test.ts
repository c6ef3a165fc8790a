import assert from "node:assert/strict";
import { rfc7011 } from "../../../../test/support/messages/antrea.ts";
import { openSession } from "../../../../test/support/session.ts";
import { field, message, set, templateSet } from "../../../../test/support/messages/wire.ts";
import { HeapBufferPool } from "../../memory/buffer_pool.ts";
import { ObservingRewriter } from "./observing_rewriter.ts";

Deno.test("records that were relayed count as sent, though the session ends before anything else is observed", () => {
  const { session } = openSession(rfc7011);
  const observing = new ObservingRewriter(session, {
    pool: new HeapBufferPool(),
    wholeMessages: () => false,
    onBroken: () => {},
  });
  const octets = message(
    {},
    templateSet({ id: 256, scope: 0, fields: [field("0/4", 1)] }),
    set(256, Uint8Array.of(6, 17)),
  );
  assert.deepEqual(observing.rewrite(octets, new Uint8Array(65_536), 1_000), octets);
  assert.ok(observing.unfinished, "its work is used up by a template");
  observing.close();
  const { recordsReceived, recordsSent } = session.counters;
  assert.deepEqual([recordsReceived, recordsSent, session.recordsInHand], [2, 2, 0]);
});
