import fc from "fast-check";
import { antreaProfile, history, withoutLimits } from "../support/messages/antrea.ts";
import { assertAsReference } from "../support/compare.ts";
import { DialectChecker } from "../support/dialect_checker.ts";
import { referenceRewrite } from "../support/reference/reference_rewriter.ts";
import { rewriteAll, type Rewritten } from "../support/rewrite_all.ts";
import { mediatorOf } from "../support/session.ts";
import { readable, streams } from "../support/messages/stream_arbitrary.ts";
import { writeStream } from "../support/messages/stream_plan.ts";
import { join } from "../support/messages/wire.ts";

/** Collectors that keep one layout per domain and id over all sessions. */
const shared = fc.constantFrom(
  antreaProfile("v1.1.2"),
  antreaProfile("v1.15.2"),
  withoutLimits("v2.6.3", { templateScope: "observation-domain" }),
).map(readable);

Deno.test("several exporters with the same domains and ids but other layouts: each arrives as if it were alone", () => {
  const exporters = fc.array(streams, { minLength: 2, maxLength: 4 });
  fc.assert(
    fc.property(shared, exporters, fc.array(fc.nat(3)), (profile, exporters, turns) => {
      const mediator = mediatorOf(profile);
      const checker = new DialectChecker(profile);
      const sessions = exporters.map((stream, name) => ({
        name: String(name),
        session: mediator.open({ reliable: true }),
        octets: join(...writeStream(stream)),
        waiting: writeStream(stream),
        parts: new Array<Rewritten>(),
      }));
      type Open = typeof sessions[number];
      const step = ({ name, session, waiting, parts }: Open): void => {
        const message = waiting.shift();
        if (message === undefined) return;
        const part = rewriteAll(session, message);
        parts.push(part);
        checker.writes(name, part.writes);
        const live = session.templates().map(({ observationDomain, targetTemplate }) =>
          `${observationDomain} ${targetTemplate}`
        );
        checker.keep(name, new Set(live));
      };
      const finish = ({ name, session, octets, parts }: Open): void => {
        const consumed = parts.reduce((sum, part) => sum + part.consumed, 0);
        const whole = {
          writes: parts.flatMap(({ writes }) => writes),
          output: join(...parts.map(({ output }) => output)),
        };
        const reference = referenceRewrite({ profile, history }, octets);
        // Not the counters: a template under another id counts as rewritten.
        assertAsReference({ ...whole, consumed, skipped: 0 }, reference, profile);
        session.close();
        checker.close(name);
      };
      // In turns, then one after the other: who is done first goes first, and leaves its ids to those that are still
      // there.
      for (const turn of turns) {
        const one = sessions[turn % sessions.length];
        if (one !== undefined) step(one);
      }
      for (const one of sessions) {
        while (one.waiting.length > 0) step(one);
        finish(one);
      }
    }),
    { numRuns: 50 },
  );
});
