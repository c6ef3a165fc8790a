import assert from "node:assert/strict";
import { dataMessage, join, receivedMessages, templateMessage } from "../../../test/support/proxy/proxy_messages.ts";
import { RelayingRewriter } from "../../../test/support/proxy/relaying_rewriter.ts";
import { turn } from "../../../test/support/time/standing_clock.ts";
import { until } from "../../../test/support/time/until.ts";
import { openSession, ScriptedCollector, ScriptedExporter } from "../../../test/support/proxy/scripted_session.ts";

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
