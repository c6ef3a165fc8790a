import fc from "fast-check";
import { history, rfc7011 } from "../support/antrea.ts";
import { assertAsReference } from "../support/compare.ts";
import { REFERENCE_COLLECTORS, referenceSessions, writeReferences } from "../support/reference_arbitrary.ts";
import { referenceRewrite } from "../support/reference_rewriter.ts";
import { rewriteAll } from "../support/rewrite_all.ts";
import { openSession } from "../support/session.ts";

const collectors = fc.constantFrom(...Object.keys(REFERENCE_COLLECTORS));
const facts = fc.record({ reliable: fc.boolean(), maxMessageLength: fc.constantFrom(65535, 65535, 1024) });

Deno.test("data that speaks of templates: what goes out is what the slow and obvious rewriter says", () => {
  fc.assert(
    fc.property(referenceSessions, collectors, facts, (messages, name, facts) => {
      const profile = REFERENCE_COLLECTORS[name] ?? rfc7011;
      const octets = writeReferences(messages);
      const { session } = openSession(profile, facts);
      try {
        const reference = referenceRewrite({ profile, history, ...facts }, octets);
        assertAsReference(rewriteAll(session, octets), reference, profile, session.counters, facts.maxMessageLength);
      } finally {
        session.close();
      }
    }),
    { numRuns: 200 },
  );
});
