import assert from "node:assert/strict";
import type { MemoryState } from "../memory/resident_memory.ts";
import { Turns } from "../time/turns.ts";
import { dataMessage, join, templateMessage } from "../../../test/support/proxy/proxy_messages.ts";
import { RelayingRewriter } from "../../../test/support/proxy/relaying_rewriter.ts";
import { StandingClock, turn } from "../../../test/support/time/standing_clock.ts";
import { until } from "../../../test/support/time/until.ts";
import { openSession, ScriptedCollector } from "../../../test/support/proxy/scripted_session.ts";

/** Notes who waits for which turns. */
class NotedTurns extends Turns {
  readonly waits: string[] = [];

  override get over(): boolean {
    return true;
  }

  override next(busy: boolean): Promise<void> {
    this.waits.push(busy ? "busy" : "next");
    return new Promise((resolve) => setTimeout(resolve, 0));
  }

  override costly(): Promise<void> {
    this.waits.push("costly");
    return Promise.resolve();
  }
}

/** Takes a template as work that is too much outside of a turn for that. */
class DemandingRewriter extends RelayingRewriter {
  override unfinished = false;

  override rewrite(input: Uint8Array, output: Uint8Array, work = Infinity): Uint8Array {
    this.unfinished = work < 500 && input[17] === 2;
    return super.rewrite(this.unfinished ? input.subarray(0, 0) : input, output);
  }
}

Deno.test("a template waits for a turn of costly work, whenever it comes; records do not, and go after others only if they are many", async () => {
  const clock = new StandingClock();
  const turns = new NotedTurns(clock);
  const collector = new ScriptedCollector(Infinity, Infinity);
  const rewriter = new DemandingRewriter({ reliable: true });
  const { session, exporter } = openSession([collector], { turns, rewriter });
  const ended = session.run();
  let sent = 0;
  const waitsFor = async (...messages: Uint8Array[]): Promise<Set<string>> => {
    turns.waits.length = 0;
    await exporter.write(join(...messages));
    sent += messages.length;
    await until("they have arrived", () => collector.received.messages.length >= sent);
    await turn();
    return new Set(turns.waits);
  };
  assert.deepEqual(await waitsFor(templateMessage()), new Set(["next", "costly"]));
  assert.deepEqual(await waitsFor(dataMessage(1)), new Set(["next"]));
  assert.deepEqual(await waitsFor(templateMessage()), new Set(["next", "costly"]));
  const many = Array.from({ length: 3_000 }, (_, index) => dataMessage(2 + index));
  assert.ok((await waitsFor(...many)).has("busy"));
  exporter.close();
  await ended;
});

Deno.test("an exporter that relayed much some time ago does not go after others with the little that it sends now", async () => {
  const turns = new NotedTurns(new StandingClock());
  const collector = new ScriptedCollector(Infinity, Infinity);
  const { session, exporter, clock } = openSession([collector], { turns });
  const ended = session.run();
  let sent = 0;
  const send = async (...messages: Uint8Array[]) => {
    await exporter.write(join(...messages));
    sent += messages.length;
    await until("they have arrived", () => collector.received.messages.length >= sent);
    await turn();
  };
  await send(templateMessage(), ...Array.from({ length: 6_000 }, (_, index) => dataMessage(index)));
  await clock.advance(60_000);
  await send(dataMessage(6_000));
  turns.waits.length = 0;
  await send(dataMessage(6_001));
  assert.deepEqual(new Set(turns.waits), new Set(["next"]));
  exporter.close();
  await ended;
});

Deno.test("while the process' memory is full, templates wait and records do not; a stop ends the wait", async () => {
  const resident = { state: "ample" as MemoryState, wait: () => room.promise };
  let room = Promise.withResolvers<void>();
  const collector = new ScriptedCollector(Infinity, Infinity);
  const rewriter = new DemandingRewriter({ reliable: true });
  const { session, exporter, clock, pool } = openSession([collector], { rewriter, resident });
  const ended = session.run();
  const arrived = () => collector.received.messages.length;
  const send = async (message: Uint8Array) => {
    await exporter.write(message);
    for (let times = 0; times < 20; times++) await turn();
  };
  await send(templateMessage());
  await clock.advance(5_000);
  resident.state = "full";
  await send(dataMessage(1));
  assert.equal(arrived(), 2, "it has changed no template of late");
  resident.state = "ample";
  await send(templateMessage());
  assert.equal(arrived(), 3);
  resident.state = "full";
  await send(templateMessage());
  assert.equal(arrived(), 3, "it is in the middle of changing templates");
  assert.ok(pool.leased <= 4 * 1024, `${pool.leased} octets in buffers: without output it needs no room for that`);
  resident.state = "ample";
  room.resolve();
  await until("it has arrived", () => arrived() === 4);
  room = Promise.withResolvers();
  resident.state = "full";
  await send(templateMessage());
  assert.equal(arrived(), 4);
  session.stop("evicted");
  assert.equal(await ended, "evicted");
});

/** A collector that takes nothing more, and does not close. */
class StalledCollector extends ScriptedCollector {
  readonly #closed = Promise.withResolvers<number>();
  writes = 0;

  override write(): Promise<number> {
    this.writes++;
    return this.#closed.promise;
  }

  override close(): void {
    super.close();
    this.#closed.reject(new Error("closed"));
  }
}

/** One that takes one message at a time. */
class PatientRewriter extends DemandingRewriter {
  override rewrite(input: Uint8Array, output: Uint8Array, work = Infinity): Uint8Array {
    const length = input[17] === 2 ? templateMessage().length : dataMessage(1).length;
    return super.rewrite(input.subarray(0, length), output, work);
  }
}

Deno.test("templates that wait behind a write when the proxy ends a session are not worked off: they count as a record a message", async () => {
  for (const outcome of ["drained", "evicted"] as const) {
    const collector = new StalledCollector(Infinity, Infinity);
    const rewriter = new PatientRewriter({ reliable: true });
    const { session, exporter, clock } = openSession([collector], { rewriter });
    const ended = session.run();
    await exporter.write(join(dataMessage(1), templateMessage(), templateMessage()));
    await until("the record is being written", () => collector.writes === 1);
    session.stop(outcome);
    session.stop(outcome);
    for (let times = 0; times < 9; times++) await clock.advance(100);
    assert.equal(await ended, outcome);
    assert.equal(session.counters.recordsDropped.get("template_changes"), 2);
    exporter.close();
  }
});

/** Takes one message at a time, each of which changes ten times as many templates as may change in a second. */
class ThrottledRewriter extends RelayingRewriter {
  override templateChanges = 0;

  override rewrite(input: Uint8Array, output: Uint8Array): Uint8Array {
    const octets = super.rewrite(input.subarray(0, templateMessage().length), output);
    this.templateChanges = this.consumed > 0 ? 10_000_000 : 0;
    return octets;
  }
}

/** Waits for a plugin that never answers. */
class PendingRewriter extends RelayingRewriter {
  override waiting: Promise<void> | undefined = undefined;
  override unfinished = false;
  #discarded = false;

  override rewrite(input: Uint8Array, output: Uint8Array): Uint8Array {
    this.unfinished = input.length > 0;
    // As the core does, it begins anew what it was told to discard: only more work leads to the plugin again.
    this.waiting = this.unfinished && !this.#discarded ? new Promise(() => {}) : undefined;
    return super.rewrite(new Uint8Array(0), output);
  }

  override discard(unsent?: Uint8Array): number {
    this.#discarded = true;
    this.waiting = undefined;
    return super.discard(unsent);
  }
}

Deno.test("what waits for a plugin when the session ends is counted as its failure, a record a message", async () => {
  const rewriter = new PendingRewriter({ reliable: true });
  const { session, exporter, clock } = openSession([new ScriptedCollector(Infinity, Infinity)], { rewriter });
  const ended = session.run();
  await exporter.write(join(templateMessage(), dataMessage(1)));
  await until("it asks the plugin", () => rewriter.waiting !== undefined);
  session.stop("drained");
  for (let second = 0; second < 9; second++) await clock.advance(1_000);
  assert.equal(await ended, "drained");
  assert.equal(session.counters.recordsReceived, 2);
  assert.deepEqual([...session.counters.recordsDropped], [["mapping_failed", 2]]);
  exporter.close();
});

Deno.test("what waits until more templates may change is not worked off at a drain: it is counted, a record a message", async () => {
  for (const leaving of [true, false]) {
    const collector = new ScriptedCollector(Infinity, Infinity);
    const rewriter = new ThrottledRewriter({ reliable: true });
    const { session, exporter, clock, events } = openSession([collector], { rewriter });
    const ended = session.run();
    await exporter.write(join(templateMessage(), templateMessage(), templateMessage()));
    await until("it has to wait", () => events.includes("templates_throttled"));
    session.drain(leaving ? undefined : 1_000_000);
    for (let second = 0; second < 9; second++) await clock.advance(1_000);
    assert.equal(session.closing, leaving);
    assert.equal(collector.received.messages.length, leaving ? 1 : 2);
    if (!leaving) session.stop("drained");
    await clock.advance(1_000);
    assert.equal(await ended, "drained");
    const left = leaving ? 2 : 1;
    assert.equal(session.counters.recordsReceived, left);
    assert.deepEqual([...session.counters.recordsDropped], [["template_changes", left]]);
    exporter.close();
  }
});

/** Only templates count as changes. */
class OnceThrottledRewriter extends RelayingRewriter {
  override templateChanges = 0;

  override rewrite(input: Uint8Array, output: Uint8Array): Uint8Array {
    const octets = super.rewrite(input, output);
    this.templateChanges = this.consumed > 0 && input[17] === 2 ? 2_000_000 : 0;
    return octets;
  }
}

Deno.test("a session that had to wait for its templates does not wait again for what changes none", async () => {
  const collector = new ScriptedCollector(Infinity, Infinity);
  const rewriter = new OnceThrottledRewriter({ reliable: true });
  const { session, exporter, clock, events } = openSession([collector], { rewriter });
  const ended = session.run();
  await exporter.write(templateMessage());
  await until("it has to wait", () => events.includes("templates_throttled"));
  await clock.advance(2_000);
  for (let record = 0; record < 3; record++) {
    await exporter.write(dataMessage(record));
    await until("it goes on at once", () => collector.received.messages.length === 2 + record);
  }
  exporter.close();
  await ended;
});

Deno.test("a session that is stopped in a write does not wait afterwards until it may change more templates", async () => {
  const stopping = new class extends ScriptedCollector {
    override write(octets: Uint8Array): Promise<number> {
      session.stop("evicted");
      return super.write(octets);
    }
  }(Infinity, Infinity);
  const { session, exporter, clock } = openSession([stopping], { rewriter: new ThrottledRewriter({ reliable: true }) });
  let outcome: string | undefined;
  void session.run().then((ended) => outcome = ended);
  await exporter.write(join(templateMessage(), templateMessage()));
  await until("it is stopped", () => stopping.received.messages.length > 0);
  for (let times = 0; times < 9 && outcome === undefined; times++) await clock.advance(10, 10);
  assert.equal(outcome, "evicted");
  exporter.close();
});
