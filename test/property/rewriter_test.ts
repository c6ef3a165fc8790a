import fc from "fast-check";
import { history } from "../support/messages/antrea.ts";
import { assertAsReference } from "../support/compare.ts";
import { referenceRewrite } from "../support/reference/reference_rewriter.ts";
import { rewriteAll } from "../support/rewrite_all.ts";
import { openSession } from "../support/session.ts";
import { collectors, facts, streams, walkFunctionOptions } from "../support/messages/stream_arbitrary.ts";
import { writeStream } from "../support/messages/stream_plan.ts";
import { join } from "../support/messages/wire.ts";

Deno.test("for any exporter and collector, the output is that of the reference rewriter", () => {
  fc.assert(
    fc.property(
      streams,
      collectors,
      facts,
      fc.boolean(),
      walkFunctionOptions,
      (stream, profile, facts, inLoopMemory, quick) => {
        const octets = join(...writeStream(stream));
        const { session } = openSession(profile, facts, quick);
        try {
          const reference = referenceRewrite({ profile, history, ...facts }, octets);
          assertAsReference(
            rewriteAll(session, octets, { inLoopMemory }),
            reference,
            profile,
            session.counters,
            facts.maxMessageLength,
          );
        } finally {
          session.close();
        }
      },
    ),
    { numRuns: 400 },
  );
});
