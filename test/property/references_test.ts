import fc from "fast-check";
import { history, rfc7011 } from "../support/messages/antrea.ts";
import { assertAsReference } from "../support/compare.ts";
import { REFERENCE_COLLECTORS, referenceSessions, writeReferences } from "../support/reference/reference_arbitrary.ts";
import { referenceRewrite } from "../support/reference/reference_rewriter.ts";
import { rewriteAll } from "../support/rewrite_all.ts";
import { openSession } from "../support/session.ts";

const collectors = fc.constantFrom(...Object.keys(REFERENCE_COLLECTORS));
const facts = fc.record({ reliable: fc.boolean(), maxMessageLength: fc.constantFrom(65535, 65535, 1024) });

function compare(octets: Uint8Array, collector: string, facts: { reliable: boolean; maxMessageLength: number }): void {
  const profile = REFERENCE_COLLECTORS[collector] ?? rfc7011;
  const { session } = openSession(profile, facts);
  try {
    const reference = referenceRewrite({ profile, history, ...facts }, octets);
    assertAsReference(rewriteAll(session, octets), reference, profile, session.counters, facts.maxMessageLength);
  } finally {
    session.close();
  }
}

Deno.test("for data that refers to templates, the output is that of the reference rewriter", () => {
  fc.assert(
    fc.property(referenceSessions, collectors, facts, (messages, collector, facts) => {
      compare(writeReferences(messages), collector, facts);
    }),
    { numRuns: 200 },
  );
});

Deno.test("the same with octets changed anywhere, lengths and ids among them", () => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.constantFrom(0, 1, 2, 3, 5, 36, 145, 173, 254, 255)), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(referenceSessions, collectors, facts, changes, (messages, collector, facts, changes) => {
      const octets = writeReferences(messages);
      for (const [place, octet] of changes) octets[place % octets.length] = octet;
      compare(octets, collector, facts);
    }),
    { numRuns: 200 },
  );
});
