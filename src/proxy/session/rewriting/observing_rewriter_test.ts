import assert from "node:assert/strict";
import { rfc7011 } from "../../../../test/support/messages/antrea.ts";
import { mediatorOf, openSession } from "../../../../test/support/session.ts";
import { field, message, set, templateSet } from "../../../../test/support/messages/wire.ts";
import { PendingMapping } from "../../../mediation/mapping/chain/pending_mapping.ts";
import type { Plugin } from "../../../mediation/mapping/plugin.ts";
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

Deno.test("an observation that ends at a malformed set behind a template waits for that template's plugin no more", async () => {
  const answer = Promise.withResolvers<void>();
  let answered = false;
  const plugin: Plugin = {
    name: "slow",
    rewrite(mapping) {
      if (!answered) throw new PendingMapping(answer.promise);
      return mapping;
    },
  };
  const faults: string[] = [];
  const observing = new ObservingRewriter(mediatorOf(rfc7011, { plugins: [plugin] }).open({ reliable: true }), {
    pool: new HeapBufferPool(),
    wholeMessages: () => false,
    onBroken: ({ reason }) => void faults.push(reason),
  });
  const broken = set(2, Uint8Array.of(1, 1, 0, 9, 0, 4, 0, 1));
  const octets = message({}, templateSet({ id: 256, scope: 0, fields: [field("0/4", 1)] }), broken);
  const output = new Uint8Array(65_536);
  observing.rewrite(octets, output);
  assert.ok(observing.waiting !== undefined);
  const { consumed } = observing;
  answered = true;
  answer.resolve();
  await observing.waiting;
  observing.rewrite(octets.subarray(consumed), output);
  assert.deepEqual([faults.length, observing.ended], [1, true]);
  assert.equal(observing.waiting, undefined);
  const more = Uint8Array.of(1, 2, 3);
  assert.deepEqual(observing.rewrite(more, output), more, "the relay goes on");
  assert.equal(observing.waiting, undefined);
  observing.close();
});
