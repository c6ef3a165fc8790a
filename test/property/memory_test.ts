import assert from "node:assert/strict";
import fc from "fast-check";
import { DecodeError } from "../../src/ipfix/octets/decode_error.ts";
import { allocate } from "../../src/mediation/program/loop/memory.ts";
import { openSession } from "../support/session.ts";
import { collectors, facts, streams } from "../support/messages/stream_arbitrary.ts";
import { writeStream } from "../support/messages/stream_plan.ts";
import { field, join, message, number, set, templateSet } from "../support/messages/wire.ts";

/** Refused for its second set, once all of its first has been learnt. */
const learntAndBroken = message(
  {},
  templateSet({ id: 900, scope: 0, fields: [field("0/82", 65535), field("56506/101", 65535)] }),
  set(900, number(9, 2)),
);

const LARGE = 2 ** 21;

/** Where memory begins that nobody was ever given. What was given back in this size is taken first, and kept. */
function unused(): number {
  let [last, next] = [0, allocate(LARGE)];
  while (next !== last + LARGE) [last, next] = [next, allocate(LARGE)];
  return next + LARGE;
}

Deno.test("sessions that are closed, whatever they got and wherever they stood, leave nothing behind in the loop's memory", () => {
  const damage = fc.option(fc.record({ at: fc.nat(), octet: fc.nat(255) }));
  const sessions = fc.sample(fc.tuple(streams, collectors, facts, damage, fc.nat(12)), { numRuns: 150, seed: 7 });
  const output = new Uint8Array(65535);
  const runAll = () => {
    for (const [stream, profile, facts, damage, calls] of sessions) {
      const octets = join(...writeStream(stream));
      if (damage !== null && octets.length > 0) octets[damage.at % octets.length] = damage.octet;
      const { session } = openSession(profile, facts);
      let consumed = 0;
      try {
        for (let call = 0; call < calls; call++) {
          const rewritten = session.rewrite(octets.subarray(consumed), output);
          consumed += session.consumed;
          if (call % 4 === 3) session.restart(rewritten);
        }
        // A message in hand is gone on with, so that no other may come in its place.
        if (consumed === octets.length) session.rewrite(learntAndBroken, output);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
      }
      session.close();
      session.close(); // any number of times
    }
  };
  runAll(); // what the first pass needed, the second finds free again
  const before = unused();
  runAll();
  assert.equal(unused() - before, 2 * LARGE);
});
