import assert from "node:assert/strict";
import fc from "fast-check";
import type { Profile } from "../../src/mediation/mapping/profile/profile.ts";
import { antreaProfile, era, history, rfc7011 } from "../support/messages/antrea.ts";
import { deliver } from "../support/delivered.ts";
import { assertResumed, type Loss, rewriteWithLosses } from "../support/lossy_collector.ts";
import { rewriteAll } from "../support/rewrite_all.ts";
import { openSession } from "../support/session.ts";
import { collectors, facts, streams } from "../support/messages/stream_arbitrary.ts";
import { type StreamPlan, writeStream } from "../support/messages/stream_plan.ts";
import { field, join, message, set, smallestRecord, templateSet } from "../support/messages/wire.ts";
import { everyKind } from "./every_kind.ts";

/** The same session with each message, and each record in it, several times over: far more than one output holds. */
function inBulk(stream: StreamPlan): StreamPlan {
  const again = [...Array(8).keys()];
  const messages = stream.messages.map((message) => ({
    ...message,
    sets: message.sets.map((set) =>
      set.kind !== "data"
        ? set
        : { ...set, records: again.flatMap((index) => set.records.map((one) => one && one + index)) }
    ),
  }));
  return { ...stream, messages: messages.flatMap((message) => again.map(() => message)) };
}

Deno.test("the size of the output buffer changes neither output nor counters", () => {
  fc.assert(
    fc.property(
      streams,
      collectors,
      facts,
      fc.constantFrom(65535, 65536, 70_001),
      (stream, profile, facts, outputSize) => {
        const octets = join(...writeStream(inBulk(stream)));
        const [one, other] = [65535 * 4, outputSize].map((outputSize) => {
          const { session } = openSession(profile, facts);
          const { output } = rewriteAll(session, octets, { outputSize, inLoopMemory: outputSize < 65535 * 4 });
          const { counters } = session;
          session.close();
          return { output: output.toHex(), counters };
        });
        assert.equal(other?.output, one?.output);
        assert.deepEqual(other?.counters, one?.counters);
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("records that grow stay inside the output, wherever that ends in a message", () => {
  const profile = antreaProfile("v2.7.0");
  const fields = era("v0.13.5").ipv4.map((name) => {
    const { pen, id } = field(name, 0);
    return field(name, history.newest.lookup(pen, id)?.length ?? NaN);
  });
  const record = new Uint8Array(smallestRecord(fields));
  const data = message({}, set(256, record));
  const octets = join(message({}, templateSet({ id: 256, scope: 0, fields })), ...Array<Uint8Array>(900).fill(data));
  for (let outputSize = 65535; outputSize < 65535 + 200; outputSize += 11) {
    const { session } = openSession(profile);
    const { consumed } = rewriteAll(session, octets, { outputSize, inLoopMemory: true });
    assert.deepEqual([consumed, session.counters.recordsSent], [octets.length, 900]);
    session.close();
  }
});

/** A session whose connections to the collector are lost, held against one whose is not. */
function assertSurvives(profile: Profile, octets: Uint8Array, losses: readonly Loss[]): void {
  const { session } = openSession(profile);
  const { session: unbroken } = openSession(profile);
  try {
    const connections = rewriteWithLosses(session, octets, losses);
    const standing = session.templates().map(({ observationDomain, targetTemplate }) =>
      `${observationDomain} ${targetTemplate}`
    );
    assertResumed(profile, connections, rewriteAll(unbroken, octets).output, new Set(standing));
  } finally {
    session.close();
    unbroken.close();
  }
}

for (const profile of [rfc7011, antreaProfile("v1.1.2"), antreaProfile("v2.6.3")]) {
  Deno.test(`a connection lost at any octet of any write: ${profile.name}`, () => {
    const { session } = openSession(profile);
    const { writes } = rewriteAll(session, everyKind);
    session.close();
    writes.forEach(({ length }, write) => {
      for (let octets = 0; octets <= length; octets++) assertSurvives(profile, everyKind, [{ write, octets }]);
    });
  });
}

const losses = fc.array(fc.record({ write: fc.nat(3), octets: fc.oneof(fc.nat(), fc.constant(0)) }), {
  minLength: 1,
  maxLength: 5,
});

Deno.test("any stream over connections that are lost anywhere: each record once, in order, behind its template", () => {
  fc.assert(
    fc.property(streams, collectors, losses, (stream, profile, losses) => {
      assertSurvives(profile, join(...writeStream(stream)), losses);
    }),
    { numRuns: 250 },
  );
});

Deno.test("more than one output holds, over connections that are lost anywhere", () => {
  fc.assert(
    fc.property(streams, collectors, losses, (stream, profile, losses) => {
      assertSurvives(profile, join(...writeStream(inBulk(stream))), losses);
    }),
    { numRuns: 50 },
  );
});

Deno.test("repeated templates change neither the records nor the templates in force", () => {
  fc.assert(
    fc.property(streams, collectors, fc.array(fc.boolean()), (stream, profile, refreshes) => {
      const messages = writeStream(stream);
      const { session } = openSession(profile);
      const { session: plain } = openSession(profile);
      const outputs = messages.map((message, index) => {
        if (refreshes[index % Math.max(1, refreshes.length)] === true) session.announce();
        return rewriteAll(session, message).output;
      });
      const records = (octets: Uint8Array) => deliver(octets).items.filter(({ kind }) => kind === "record");
      assert.deepEqual(records(join(...outputs)), records(rewriteAll(plain, join(...messages)).output));
      session.close();
      plain.close();
    }),
    { numRuns: 100 },
  );
});
