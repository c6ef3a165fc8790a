import assert from "node:assert/strict";
import { Counters } from "../../mediation/templates/counters.ts";
import { HeapBufferPool } from "../memory/buffer_pool.ts";
import { MessageMemory } from "../memory/message_memory.ts";
import type { MemoryState } from "../memory/resident_memory.ts";
import { CollectorLink } from "../collector/collector_link.ts";
import type { Connection } from "../transport/connection.ts";
import { connectionPair } from "../transport/tls/memory_connection.ts";
import { ProxyCounters } from "../reporting/proxy_counters.ts";
import { Session } from "./session.ts";
import { Turns } from "../time/turns.ts";
import type { SessionParts } from "./session_parts.ts";
import {
  dataMessage,
  join,
  type Received,
  receivedMessages,
  templateMessage,
} from "../../../test/support/proxy/proxy_messages.ts";
import { RelayingRewriter } from "../../../test/support/proxy/relaying_rewriter.ts";
import { SESSION_LIMITS, unwatchedCollector } from "../../../test/support/proxy/test_proxy.ts";
import { StandingClock, turn } from "../../../test/support/time/standing_clock.ts";
import { until } from "../../../test/support/time/until.ts";

/**
 * A collector whose kernel takes `room` octets, at most `piece` at a time, and then is gone. It gets all that was
 * taken.
 */
class ScriptedCollector implements Connection {
  readonly transport = "tcp";
  readonly remoteAddress = { hostname: "collector", port: 4739 };
  readonly #chunks: Uint8Array[] = [];
  #fail: (error: Error) => void = () => {};

  constructor(public room: number, readonly piece: number) {}

  get received(): { messages: Received[]; rest: number } {
    return receivedMessages(join(...this.#chunks));
  }

  read(): Promise<number | null> {
    return new Promise((_resolve, reject) => this.#fail = reject);
  }

  write(octets: Uint8Array): Promise<number> {
    const taken = Math.min(octets.length, this.piece, this.room);
    if (taken === 0) {
      this.#fail(new Error("reset"));
      return Promise.reject(new Error("reset"));
    }
    this.#chunks.push(octets.slice(0, taken));
    this.room -= taken;
    return Promise.resolve(taken);
  }

  closeWrite(): Promise<void> {
    this.#fail(new Error("closed"));
    return Promise.resolve();
  }

  close(): void {
    this.#fail(new Error("closed"));
  }
}

/** A session of which one collector after the other is dialled, and what it is made of. */
function openSession(
  collectors: readonly Connection[],
  parts:
    & Pick<SessionParts, "tap">
    & Partial<Pick<SessionParts, "exporter" | "observe" | "turns" | "rewriter" | "resident">> = {},
) {
  const clock = new StandingClock();
  const pool = new HeapBufferPool();
  const counters = new ProxyCounters();
  const remaining = [...collectors];
  const events: string[] = [];
  const report = (_level: string, event: string) => void events.push(event);
  const dial = () => {
    const next = remaining.shift();
    return next === undefined ? Promise.reject(new Error("no more")) : Promise.resolve(next);
  };
  const collector = unwatchedCollector(clock);
  const link = new CollectorLink(
    { clock, counters, random: () => 1, dialTimeout: 1_000 },
    { route: { collector, dial }, hold: 60_000, report, counters: new Counters() },
  );
  const [exporter, accepted] = connectionPair();
  const session = new Session({
    memory: new MessageMemory(2 ** 20),
    id: "1",
    exporter: accepted,
    link,
    rewriter: new RelayingRewriter({ reliable: true }),
    observe: false,
    pool,
    clock,
    turns: new Turns(clock),
    limits: SESSION_LIMITS,
    collectorFacts: () => ({}),
    counters,
    openedAt: new Date(0),
    report,
    ...parts,
  });
  /** The way to the next of the collectors, as another process of the same collector has it. */
  const route = () => ({ collector, dial: () => dial() });
  return { session, exporter, clock, pool, events, route };
}

/**
 * Runs one session whose collectors take these numbers of octets, and the last one all. Returns what each of them got.
 */
async function runSession(rooms: readonly number[], piece: number, messages: readonly Uint8Array[]) {
  const collectors = [...rooms, Infinity].map((room) => new ScriptedCollector(room, piece));
  const { session, exporter, clock, pool, events } = openSession(collectors);
  const octets = join(...messages);
  await exporter.write(octets);
  await exporter.closeWrite();
  let outcome: string | undefined;
  void session.run().then((ended) => outcome = ended);
  await clock.advanceUntil("the session has ended", () => outcome !== undefined, 50);
  return { collectors, outcome, leased: pool.leased, events };
}

Deno.test("a collector lost at any octet: each message arrives whole exactly once, in order, the template first at each", async () => {
  const messages = [templateMessage(), ...Array.from({ length: 4 }, (_, number) => dataMessage(number, 40))];
  const total = messages.reduce((length, message) => length + message.length, 0);
  for (const piece of [7, 1_000]) {
    for (let room = 0; room <= total; room++) {
      const { collectors, outcome, leased } = await runSession([room], piece, messages);
      const got = collectors.map(({ received }) => received.messages);
      const where = `lost after ${room} octets, taken ${piece} at a time`;
      assert.deepEqual(got.flat().flatMap(({ record }) => record === "template" ? [] : [record]), [0, 1, 2, 3], where);
      for (const one of got) {
        if (one.length === 0) continue;
        assert.equal(one[0]?.record, "template", where);
        assert.deepEqual(
          one.filter(({ record }) => record !== "template").map(({ sequenceNumber }) => sequenceNumber),
          [
            ...Array(one.filter(({ record }) => record !== "template").length).keys(),
          ],
          where,
        );
      }
      assert.equal(outcome, "closed", where);
      assert.equal(leased, 0, where);
    }
  }
});

Deno.test("collectors lost one after the other, each in the middle of what was held: still exactly once, in order", async () => {
  const messages = [templateMessage(), ...Array.from({ length: 6 }, (_, number) => dataMessage(number, 40))];
  const { collectors, outcome } = await runSession([60, 75, 20, 110, 29], 9, messages);
  const records = collectors.flatMap(({ received }) => received.messages).flatMap(({ record }) =>
    record === "template" ? [] : [record]
  );
  assert.deepEqual(records, [0, 1, 2, 3, 4, 5]);
  assert.equal(outcome, "closed");
});

Deno.test("a session stops on request at any point, even if its exporter is silent", async () => {
  for (let turns = 0; turns < 30; turns++) {
    const { session, clock, pool } = openSession([new ScriptedCollector(Infinity, Infinity)]);
    let outcome: string | undefined;
    void session.run().then((ended) => outcome = ended);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    session.stop("administrator");
    await clock.advanceUntil("it has ended", () => outcome !== undefined, 50);
    assert.equal(outcome, "administrator", `told to stop after ${turns} turns`);
    assert.equal(pool.leased, 0);
  }
});

Deno.test("a broken message among what the kernels hold for a collector that stays away ends the session in order", async () => {
  const { session, exporter, clock, pool, events } = openSession([]);
  await exporter.write(join(templateMessage(), dataMessage(0)));
  await exporter.write(new Uint8Array(200_000).fill(0xff));
  let outcome: string | undefined;
  void session.run().then((ended) => outcome = ended);
  await clock.advanceUntil("the session has ended", () => outcome !== undefined, 500);
  assert.equal(outcome, "collector_unavailable");
  assert.ok(!events.includes("session_failed"));
  assert.equal(pool.leased, 0);
});

Deno.test("a tap sees each octet that is rewritten, and what came of it, once; it is closed with its session", async () => {
  const messages = [templateMessage(), dataMessage(0), dataMessage(1)];
  for (const observe of [false, true]) {
    const [received, sent]: Uint8Array[][] = [[], []];
    let closed = 0;
    const tap = {
      take(input: Uint8Array, consumed: number, output: Uint8Array) {
        assert.equal(closed, 0);
        received?.push(input.slice(0, consumed));
        sent?.push(output.slice());
      },
      close: () => void closed++,
    };
    const { session, exporter, clock } = openSession([new ScriptedCollector(Infinity, Infinity)], { observe, tap });
    await exporter.write(join(...messages));
    await exporter.closeWrite();
    let outcome: string | undefined;
    void session.run().then((ended) => outcome = ended);
    await clock.advanceUntil("it has ended", () => outcome !== undefined, 50);
    assert.equal(outcome, "closed");
    assert.deepEqual(join(...received ?? []), join(...messages), `observe: ${observe}`);
    assert.equal(receivedMessages(join(...sent ?? [])).messages.length, messages.length, `observe: ${observe}`);
    assert.equal(closed, 1);
  }
});

Deno.test("at an epoch a session that was used begins anew, templates first; one that was used since the epoch began goes on", async () => {
  for (const usedBefore of [true, false]) {
    const processes = [new ScriptedCollector(Infinity, Infinity), new ScriptedCollector(Infinity, Infinity)];
    const { session, exporter, clock, route } = openSession(processes);
    let outcome: string | undefined;
    void session.run().then((ended) => outcome = ended);
    const records = () =>
      processes.map(({ received }) => received.messages.map(({ record, sequenceNumber }) => [record, sequenceNumber]));
    await clock.advance(1_000, 50);
    const began = clock.now() + (usedBefore ? 500 : -500);
    await exporter.write(join(templateMessage(), dataMessage(0)));
    await clock.advance(1_000, 50);
    assert.deepEqual(records(), [[["template", 0], [0, 0]], []]);
    await session.beginEpoch(route(), began);
    await exporter.write(dataMessage(1));
    for (let rounds = 0; rounds < 20; rounds++) await clock.advance(50, 50);
    assert.deepEqual(
      records(),
      usedBefore ? [[["template", 0], [0, 0]], [["template", 0], [1, 0]]] : [[["template", 0], [0, 0], [1, 1]], []],
      usedBefore ? "used before the epoch" : "used after it began",
    );
    await exporter.closeWrite();
    await clock.advanceUntil("it has ended", () => outcome !== undefined, 50);
    assert.equal(outcome, "closed");
  }
});

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

Deno.test("the collector is dialled once a whole message has come, whatever has begun before", async () => {
  const collector = new ScriptedCollector(Infinity, Infinity);
  const { session, exporter } = openSession([collector]);
  const ended = session.run();
  const message = templateMessage();
  for (const end of [3, 15, message.length - 1]) {
    await exporter.write(message.subarray(end === 3 ? 0 : end === 15 ? 3 : 15, end));
    for (let turns = 0; turns < 5; turns++) await turn();
    assert.equal(session.connected, false, `after ${end} octets`);
  }
  await exporter.write(message.subarray(message.length - 1));
  await until("the message has arrived", () => collector.received.messages.length === 1);
  assert.equal(session.connected, true);
  exporter.close();
  await ended;
});

/** An exporter that sends these octets, then breaks its connection or, with `inOrder`, ends it. */
class ScriptedExporter implements Connection {
  readonly remoteAddress = { hostname: "exporter", port: 50_000 };
  readonly #closed = Promise.withResolvers<void>();
  answered = false;

  constructor(public octets: Uint8Array, readonly inOrder: boolean, readonly transport: "tls" | "udp" = "tls") {}

  read(view: Uint8Array): Promise<number | null> {
    const { length } = this.octets;
    if (length === 0) return this.inOrder ? Promise.resolve(null) : Promise.reject(new Error("reset"));
    view.set(this.octets);
    this.octets = new Uint8Array(0);
    return Promise.resolve(length);
  }

  write(): Promise<number> {
    return Promise.reject(new Error("nothing is sent to an exporter"));
  }

  /** It takes no octets any more. */
  closeWrite(): Promise<void> {
    this.answered = true;
    return this.#closed.promise;
  }

  close(): void {
    this.#closed.resolve();
  }
}

Deno.test("a session that waits for its exporter to take the end of the stream stops on request", async () => {
  const exporter = new ScriptedExporter(join(templateMessage(), dataMessage(0)), true);
  const { session, clock } = openSession([new ScriptedCollector(Infinity, Infinity)], { exporter });
  let outcome: string | undefined;
  void session.run().then((ended) => outcome = ended);
  await until("it is answered", () => exporter.answered);
  session.stop("drained");
  await clock.advance(100, 50);
  assert.equal(outcome, "closed");
});

/** A collector that takes all, and does not close its side. */
class OpenCollector extends ScriptedCollector {
  closed = false;

  override closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  override close(): void {
    this.closed = true;
    super.close();
  }
}

Deno.test("while a proxy drains, a collector has as long to read what an exporter left that broke its connection", async () => {
  const collector = new OpenCollector(Infinity, Infinity);
  const exporter = new ScriptedExporter(join(templateMessage(), dataMessage(0)), false);
  const { session, clock } = openSession([collector], { exporter });
  session.drain();
  const ended = session.run();
  await until("it delivers what came", () => session.closing);
  for (let ticks = 0; ticks < 18; ticks++) {
    await clock.advance(50, 50);
    session.tick(50, 100);
    assert.equal(collector.closed, false, `after ${clock.now()} ms`);
  }
  await clock.advance(200, 50);
  assert.equal(await ended, "reset");
  assert.equal(collector.closed, true);
});

/** Says when it has made its first output. */
class EagerRewriter extends RelayingRewriter {
  onOutput: (() => void) | undefined;

  override rewrite(input: Uint8Array, output: Uint8Array): Uint8Array {
    const octets = super.rewrite(input, output);
    if (octets.length > 0) this.onOutput?.();
    return octets;
  }
}

Deno.test("a session that is to move before its first connection dials once, in the new way, and sends all over that", async () => {
  const [collector, spare] = [new ScriptedCollector(Infinity, Infinity), new ScriptedCollector(Infinity, Infinity)];
  const exporter = new ScriptedExporter(join(templateMessage(), dataMessage(0)), true, "udp");
  const rewriter = new EagerRewriter({ reliable: true });
  const { session, clock, events, route } = openSession([collector, spare], { exporter, rewriter });
  rewriter.onOutput = () => {
    rewriter.onOutput = undefined;
    session.move({ route: route(), observe: false, renew: false, collector: {} });
  };
  let outcome: string | undefined;
  void session.run().then((ended) => outcome = ended);
  for (let rounds = 0; outcome === undefined && rounds < 50; rounds++) {
    await clock.advance(50, 50);
    if (exporter.answered) exporter.close();
  }
  assert.equal(outcome, "closed");
  const { messages } = collector.received;
  assert.equal(messages[0]?.record, "template");
  assert.deepEqual(messages.flatMap(({ record }) => record === "template" ? [] : [record]), [0]);
  assert.deepEqual(spare.received.messages, []);
  assert.equal(events.filter((event) => event === "collector_connected").length, 1);
});

Deno.test("of two moves the later one counts, and what the earlier one would have discarded is discarded all the same", async () => {
  const rewriter = new RelayingRewriter({ reliable: true });
  const collectors = [new ScriptedCollector(Infinity, Infinity), new ScriptedCollector(Infinity, Infinity)];
  const { session, exporter, clock, route } = openSession(collectors, { rewriter });
  const ended = session.run();
  await exporter.write(join(templateMessage(), dataMessage(0)));
  await clock.advance(200, 50);
  for (const renew of [true, false]) {
    session.move({ route: route(), observe: false, renew, collector: { maxMessageLength: renew ? 1_000 : 2_000 } });
  }
  await exporter.write(dataMessage(1));
  await clock.advance(200, 50);
  assert.deepEqual(collectors[1]?.received.messages.map(({ record }) => record), ["template", 1]);
  assert.deepEqual(rewriter.renewedFor, { maxMessageLength: 2_000 });
  exporter.close();
  await clock.advance(2_000, 50);
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
