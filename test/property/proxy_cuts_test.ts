import assert from "node:assert/strict";
import { MessageMemory } from "../../src/proxy/memory/message_memory.ts";
import { Counters } from "../../src/mediation/templates/counters.ts";
import fc from "fast-check";
import type { Profile } from "../../src/mediation/mapping/profile/profile.ts";
import { HeapBufferPool, LoopBufferPool } from "../../src/proxy/memory/buffer_pool.ts";
import { CollectorLink } from "../../src/proxy/collector/collector_link.ts";
import type { Connection } from "../../src/proxy/transport/connection.ts";
import { connectionPair } from "../../src/proxy/transport/tls/memory_connection.ts";
import { ProxyCounters } from "../../src/proxy/reporting/proxy_counters.ts";
import { Turns } from "../../src/proxy/time/turns.ts";
import { Session } from "../../src/proxy/session/session.ts";
import { SESSION_LIMITS, unwatchedCollector } from "../support/proxy/test_proxy.ts";
import { StandingClock } from "../support/time/standing_clock.ts";
import { antreaProfile, rfc7011 } from "../support/messages/antrea.ts";
import { rewriteAll } from "../support/rewrite_all.ts";
import { mediatorOf, openSession } from "../support/session.ts";
import { collectors, streams } from "../support/messages/stream_arbitrary.ts";
import { writeStream } from "../support/messages/stream_plan.ts";
import { join } from "../support/messages/wire.ts";
import { everyKind } from "./every_kind.ts";

/** Every chunk as it comes, however small: each is what one read of the proxy gives. */
async function send(exporter: Connection, chunks: readonly Uint8Array[]): Promise<void> {
  try {
    for (const chunk of chunks) if (chunk.length > 0) await exporter.write(chunk);
    await exporter.closeWrite();
  } catch { /* Refused: the proxy has closed the session. */ }
}

async function receiveAll(collector: Connection): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const view = new Uint8Array(65536);
  for (;;) {
    const length = await collector.read(view);
    if (length === null) break;
    chunks.push(view.slice(0, length));
  }
  collector.close();
  return join(...chunks);
}

/** What a collector gets of chunks that one exporter sends through a session of the proxy. */
async function throughProxy(profile: Profile, chunks: readonly Uint8Array[], pool = new LoopBufferPool()) {
  const counters = new ProxyCounters();
  const [collector, dialled] = connectionPair();
  const [exporter, accepted] = connectionPair();
  const clock = new StandingClock();
  const link = new CollectorLink(
    { clock, counters, random: () => 1, dialTimeout: 1_000 },
    {
      route: { collector: unwatchedCollector(clock), dial: () => Promise.resolve(dialled) },
      hold: 0,
      report: () => {},
      counters: new Counters(),
    },
  );
  const session = new Session({
    memory: new MessageMemory(2 ** 20),
    id: "1",
    exporter: accepted,
    link,
    rewriter: mediatorOf(profile).open({ reliable: true }),
    pool,
    clock: new StandingClock(),
    turns: new Turns(new StandingClock()),
    limits: SESSION_LIMITS,
    collectorFacts: () => ({}),
    counters,
    openedAt: new Date(0),
    observe: false,
    report: () => {},
  });
  const [outcome, output] = await Promise.all([
    session.run().finally(() => dialled.close()),
    receiveAll(collector),
    send(exporter, chunks),
  ]);
  assert.equal(pool.leased, 0, "all buffers are given back");
  return { outcome, output };
}

/** The same octets through a session of the mediator alone, all at once. */
function rewritten(profile: Profile, octets: Uint8Array) {
  const { session } = openSession(profile);
  const { output, error } = rewriteAll(session, octets);
  session.close();
  return { outcome: error === undefined ? "closed" : "rejected", output };
}

for (const profile of [rfc7011, antreaProfile("v1.1.2")]) {
  Deno.test(`through the proxy, a stream cut once at any octet reaches the collector the same: ${profile.name}`, async () => {
    const whole = rewritten(profile, everyKind);
    for (let cut = 0; cut <= everyKind.length; cut++) {
      const pool = cut % 2 === 0 ? new LoopBufferPool() : new HeapBufferPool();
      const got = await throughProxy(profile, [everyKind.slice(0, cut), everyKind.slice(cut)], pool);
      assert.deepEqual(got, whole, `cut at ${cut}`);
    }
  });
}

Deno.test("through the proxy, a stream cut and broken anywhere reaches the collector up to the broken message", async () => {
  const broken = fc.option(fc.record({ at: fc.nat(), octet: fc.nat(255) }), { freq: 3 });
  await fc.assert(
    fc.asyncProperty(streams, collectors, fc.array(fc.nat()), broken, async (stream, profile, cuts, broken) => {
      const octets = join(...writeStream(stream));
      if (broken !== null && octets.length > 0) octets[broken.at % octets.length] = broken.octet;
      const places = cuts.map((cut) => cut % (octets.length + 1)).sort((one, other) => one - other);
      const chunks = [0, ...places].map((start, index) => octets.slice(start, places[index]));
      assert.deepEqual(await throughProxy(profile, chunks), rewritten(profile, octets));
    }),
    { numRuns: 150 },
  );
});
