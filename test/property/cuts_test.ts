import assert from "node:assert/strict";
import fc from "fast-check";
import type { Counters } from "../../src/mediation/templates/counters.ts";
import type { Profile } from "../../src/mediation/mapping/profile/profile.ts";
import { antreaProfile, rfc7011, withoutLimits } from "../support/messages/antrea.ts";
import { type Drive, rewriteAll } from "../support/rewrite_all.ts";
import { openSession } from "../support/session.ts";
import { collectors, facts, streams } from "../support/messages/stream_arbitrary.ts";
import { writeStream } from "../support/messages/stream_plan.ts";
import { join } from "../support/messages/wire.ts";
import { everyKind } from "./every_kind.ts";

/** All that a session can be told apart by. */
function outcome(
  profile: Profile,
  facts: { reliable: boolean; maxMessageLength: number },
  octets: Uint8Array,
  drive: Drive,
) {
  const { session } = openSession(profile, facts);
  const { output, consumed, error } = rewriteAll(session, octets, drive);
  const templates = session.templates().map(({ observationDomain, template, targetTemplate, outcome, records }) => ({
    observationDomain,
    template,
    targetTemplate,
    outcome,
    records,
  }));
  const counters: Counters = session.counters;
  session.close();
  const refused = error && { reason: error.reason, offset: consumed + error.offset };
  return { output: output.toHex(), consumed, refused, counters, templates };
}

const facts65535 = { reliable: true, maxMessageLength: 65535 };
const CUT: readonly Profile[] = [
  rfc7011,
  antreaProfile("v1.1.2"),
  antreaProfile("v2.6.3"),
  withoutLimits("v1.15.2", { setsPerMessage: 2, messagesPerWrite: 3 }),
];

for (const profile of CUT) {
  Deno.test(`a stream cut once, at any octet, comes out the same: ${profile.name}`, () => {
    const whole = outcome(profile, facts65535, everyKind, {});
    assert.equal(whole.consumed, everyKind.length);
    for (let cut = 0; cut <= everyKind.length; cut++) {
      assert.deepEqual(outcome(profile, facts65535, everyKind, { arrivals: [cut] }), whole, `cut at ${cut}`);
    }
  });
}

Deno.test("a stream that arrives an octet at a time comes out the same", () => {
  for (const profile of CUT) {
    const arrivals = Array.from(everyKind, (_, index) => index + 1);
    assert.deepEqual(
      outcome(profile, facts65535, everyKind, { arrivals }),
      outcome(profile, facts65535, everyKind, {}),
    );
  }
});

Deno.test("any stream cut anywhere comes out the same", () => {
  fc.assert(
    fc.property(streams, collectors, facts, fc.array(fc.nat()), (stream, profile, facts, cuts) => {
      const octets = join(...writeStream(stream));
      const arrivals = cuts.map((cut) => cut % (octets.length + 1)).sort((one, other) => one - other);
      assert.deepEqual(outcome(profile, facts, octets, { arrivals }), outcome(profile, facts, octets, {}));
    }),
    { numRuns: 200 },
  );
});
