import assert from "node:assert/strict";
import fc from "fast-check";
import type { Profile } from "../../src/mediation/mapping/profile/profile.ts";
import { antreaProfile, history, rfc7011 } from "../support/messages/antrea.ts";
import { assertAsReference } from "../support/compare.ts";
import { referenceRewrite } from "../support/reference/reference_rewriter.ts";
import { rewriteAll } from "../support/rewrite_all.ts";
import { openSession } from "../support/session.ts";
import {
  collectors,
  facts,
  streams,
  type WalkFunctionOptions,
  walkFunctionOptions,
} from "../support/messages/stream_arbitrary.ts";
import { writeStream } from "../support/messages/stream_plan.ts";
import { join, number } from "../support/messages/wire.ts";
import { processorTime } from "../support/time/processor_time.ts";

interface Facts {
  readonly reliable: boolean;
  readonly maxMessageLength: number;
}

/**
 * Whatever the octets are: no other error, an end, and what the slow rewriter makes of them. Over UDP it goes on behind
 * what is broken.
 */
function assertTaken(profile: Profile, facts: Facts, quick: WalkFunctionOptions, octets: Uint8Array): void {
  const { session } = openSession(profile, facts, quick);
  try {
    const skipRefused = !facts.reliable;
    const rewritten = rewriteAll(session, octets, { skipRefused });
    const reference = referenceRewrite({ profile, history, ...facts, skipRefused }, octets);
    assertAsReference(rewritten, reference, profile, session.counters, facts.maxMessageLength);
  } finally {
    session.close();
  }
}

/** One thing gone wrong on the way. */
const damage = fc.record({
  kind: fc.constantFrom("flip", "set", "insert", "delete", "repeat", "length", "end"),
  at: fc.nat(),
  value: fc.oneof(fc.constantFrom(0, 1, 2, 3, 4, 10, 16, 255), fc.nat(255)),
  octets: fc.integer({ min: 1, max: 40 }),
});

type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;

function damaged(octets: Uint8Array, { kind, at: place, value, octets: length }: Damage): Uint8Array {
  const at = place % (octets.length + 1);
  const [before, after] = [octets.slice(0, at), octets.slice(at)];
  switch (kind) {
    case "flip":
      return join(before, number((after[0] ?? 0) ^ (1 << value % 8), 1), after.slice(1));
    case "set":
      return join(before, number(value, 1), after.slice(1));
    case "insert":
      return join(before, new Uint8Array(length).fill(value), after);
    case "delete":
      return join(before, after.slice(length));
    case "repeat":
      return join(before, after.slice(0, length), after);
    case "length":
      return join(before, number(value, 2), after.slice(2));
    case "end":
      return before;
  }
}

Deno.test("in a damaged stream, broken messages are refused whole and the rest is as by the reference rewriter", () => {
  fc.assert(
    fc.property(
      streams,
      collectors,
      facts,
      walkFunctionOptions,
      fc.array(damage, { minLength: 1, maxLength: 4 }),
      (stream, profile, facts, quick, all) => {
        assertTaken(profile, facts, quick, all.reduce(damaged, join(...writeStream(stream))));
      },
    ),
    { numRuns: 400 },
  );
});

Deno.test("messages damaged behind their headers, so that framing holds", () => {
  fc.assert(
    fc.property(
      streams,
      collectors,
      facts,
      walkFunctionOptions,
      fc.array(fc.tuple(fc.nat(), damage), { minLength: 1, maxLength: 6 }),
      (stream, profile, facts, quick, all) => {
        const messages = writeStream(stream);
        for (const [index, one] of all) {
          const message = messages[index % Math.max(1, messages.length)];
          if (message === undefined) continue;
          const content = damaged(message.slice(16), one).slice(0, 65535 - 16);
          messages[index % messages.length] = join(
            message.slice(0, 2),
            number(16 + content.length, 2),
            message.slice(4, 16),
            content,
          );
        }
        assertTaken(profile, facts, quick, join(...messages));
      },
    ),
    { numRuns: 400 },
  );
});

Deno.test("arbitrary octets: no crash, no hang, and nothing goes out that the collector cannot decode", () => {
  const small = fc.constantFrom(0, 1, 2, 3, 4, 8, 10, 16, 20, 24, 255);
  const octet = fc.oneof(small, fc.nat(255));
  const header = fc.nat(80).map((length) => join(number(10, 2), number(16 + length, 2), new Uint8Array(12)));
  const octets = fc.array(octet, { maxLength: 120 }).map((all) => Uint8Array.from(all));
  fc.assert(
    fc.property(header, octets, collectors, facts, walkFunctionOptions, (header, octets, profile, facts, quick) => {
      assertTaken(profile, facts, quick, octets);
      assertTaken(profile, facts, quick, join(header, octets));
    }),
    { numRuns: 300 },
  );
});

Deno.test("65,000 records of one octet, and as many sets and templates as a message holds, take no time to speak of", () => {
  const record = new Uint8Array(65_000).fill(7);
  const template = join(number(256, 2), number(1, 2), number(4, 2), number(1, 2));
  const message = (...sets: readonly Uint8Array[]) => {
    const content = join(...sets);
    return join(number(10, 2), number(16 + content.length, 2), new Uint8Array(12), content);
  };
  const set = (id: number, content: Uint8Array) => join(number(id, 2), number(content.length + 4, 2), content);
  const floods = [
    join(message(set(2, template)), message(set(256, record)), message(set(257, record))),
    message(...Array.from({ length: 16_000 }, () => set(256, new Uint8Array()))),
    message(set(2, join(...Array.from({ length: 8_000 }, () => template)))),
    message(
      set(
        2,
        join(number(256, 2), number(16_000, 2), ...Array.from({ length: 16_000 }, () => number(4 * 65536 + 1, 4))),
      ),
    ),
  ];
  for (const flood of floods) {
    for (const profile of [rfc7011, antreaProfile("v1.15.2")]) {
      const { session } = openSession(profile);
      const start = processorTime();
      rewriteAll(session, join(flood, flood));
      session.close();
      const took = processorTime() - start;
      // A quadratic step among 16,000 takes minutes; this leaves a busy machine a hundredfold.
      assert.ok(took < 10_000, `${took} ms`);
    }
  }
});
