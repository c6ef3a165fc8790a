import assert from "node:assert/strict";
import { StandingClock, turn } from "../../../test/support/time/standing_clock.ts";
import type { ProxyEvent } from "../reporting/proxy_event.ts";
import type { Connection, Dial } from "../transport/connection.ts";
import { connectionPair } from "../transport/tls/memory_connection.ts";
import type { Rejection } from "./candidates.ts";
import { Collector } from "./collector.ts";
import { CollectorConnection } from "./collector_connection.ts";
import type { CollectorOptions } from "./collector_options.ts";

/** A collector whose watch connection the test makes, ends and refuses. */
function watching(transport: CollectorOptions["transport"] = "tcp", options: { watch?: boolean } = {}) {
  const clock = new StandingClock();
  const events: ProxyEvent[] = [];
  const ends: Connection[] = [];
  const rejections: Rejection[] = [];
  let refusal: string | undefined;
  let epochs = 0;
  const dial: Dial = () => {
    if (refusal !== undefined) return Promise.reject(new Error(refusal));
    const [near, far] = connectionPair();
    ends.push(far);
    return Promise.resolve(near);
  };
  const collector = new Collector({ transport, address: { hostname: "127.0.0.1", port: 4739 } }, {
    clock,
    report: (event) => void events.push(event),
    random: () => 1,
    dialTimeout: () => 5_000,
    watch: options.watch === false ? undefined : dial,
    onEpoch: () => void epochs++,
    onRejection: (rejection) => void rejections.push(rejection),
  });
  collector.start();
  return {
    collector,
    clock,
    rejections,
    attempts: () => ends.length,
    epochs: () => epochs,
    names: () => events.map(({ event }) => event),
    fields: (name: string) => events.filter(({ event }) => event === name).map(({ fields }) => fields),
    refuse: (reason: string | undefined) => void (refusal = reason),
    endWatch: async () => {
      ends.at(-1)?.close();
      await turn();
      await turn();
    },
    /** A session's connection, which the collector knows of. */
    session: () => {
      const connection = new CollectorConnection(connectionPair()[0], { clock });
      collector.opened(connection);
      return { connection, lose: () => collector.ended(connection, "reset") };
    },
  };
}

Deno.test("the watch connection is there from the start, alone, and begins the first epoch", async () => {
  const { collector, clock, attempts, epochs, names } = watching();
  await clock.advance(60_000);
  assert.deepEqual([collector.condition, collector.epoch, epochs(), attempts()], ["connected", 1, 1, 1]);
  assert.deepEqual(names(), [], "nothing to report");
  collector.close();
});

Deno.test("the process has ended if no session's connection outlives the watch connection", async () => {
  const { collector, clock, refuse, endWatch, epochs, names, session } = watching();
  const one = session();
  await clock.advance(5_000);
  refuse("Connection refused");
  one.lose();
  assert.equal(collector.alive, true, "a session's end says nothing while the watch connection stands");
  await endWatch();
  assert.deepEqual([collector.alive, collector.up, collector.condition], [false, false, "away"]);
  await clock.advance(1_000);
  refuse(undefined);
  await clock.advance(6_000);
  assert.deepEqual([collector.condition, collector.epoch, epochs()], ["connected", 2, 2]);
  assert.deepEqual(names(), ["collector_gone", "collector_unreachable", "collector_found"]);
  collector.close();
});

Deno.test("a session's connection that ends a moment after the watch connection belongs to the same end", async () => {
  const { collector, clock, refuse, endWatch, session } = watching();
  const one = session();
  await clock.advance(5_000);
  refuse("Connection refused");
  await endWatch();
  assert.equal(collector.alive, true, "not decided yet");
  one.lose();
  assert.equal(collector.alive, false);
  collector.close();
});

Deno.test("a watch connection that ends while sessions' connections stand is the network's doing: the same epoch", async () => {
  const { collector, clock, endWatch, attempts, epochs, names, session } = watching();
  session();
  await clock.advance(5_000);
  await endWatch();
  await clock.advance(5_000, 50);
  assert.deepEqual([collector.condition, collector.epoch, epochs(), attempts()], ["connected", 1, 1, 2]);
  assert.deepEqual(names(), []);
  collector.close();
});

Deno.test("young connections show that it was the network, too, if the collector has ended none of late", async () => {
  const { collector, clock, endWatch, epochs, names, session } = watching();
  session();
  session();
  await clock.advance(500);
  await endWatch();
  await clock.advance(5_000, 50);
  assert.deepEqual([collector.condition, epochs()], ["connected", 1]);
  assert.deepEqual(names(), []);
  collector.close();
});

Deno.test("a process that ends young ends all connections, the watch connection first", async () => {
  const { collector, clock, refuse, endWatch, session } = watching();
  const [one, other] = [session(), session()];
  await clock.advance(500);
  refuse("Connection refused");
  await endWatch();
  assert.equal(collector.alive, true, "not decided yet");
  one.lose();
  assert.equal(collector.alive, false, "the other one may be read later, or lead to the next process");
  other.lose();
  collector.close();
});

Deno.test("a young connection is no evidence if the collector has ended another in the second before", async () => {
  const { collector, clock, refuse, endWatch, session } = watching();
  const old = session();
  await clock.advance(5_000);
  old.lose();
  session();
  await clock.advance(500);
  refuse("Connection refused");
  await endWatch();
  assert.equal(collector.alive, false);
  collector.close();
});

Deno.test("the epoch stays the same while the watch connection cannot be made again", async () => {
  const { collector, clock, refuse, endWatch, names, session } = watching();
  session();
  await clock.advance(5_000);
  refuse("No route to host");
  await endWatch();
  await clock.advance(5_000, 50);
  assert.deepEqual([collector.condition, collector.epoch], ["connected", 1]);
  assert.deepEqual(names(), ["collector_watch_lost"]);
  collector.close();
});

Deno.test("a connection made just before the watch connection ended is no evidence of the process before", async () => {
  const { collector, clock, refuse, endWatch, session } = watching();
  const old = session();
  await clock.advance(5_000);
  old.lose();
  session();
  refuse("Connection refused");
  await endWatch();
  assert.equal(collector.alive, false);
  collector.close();
});

Deno.test("unreachable is reported once for each reason, with its beginning and the number of attempts", async () => {
  const { collector, clock, refuse, endWatch, fields } = watching();
  await clock.advance(5_000);
  refuse("Connection refused");
  await endWatch();
  await clock.advance(30_000);
  refuse("the certificate is of another CA");
  await clock.advance(10_000);
  const told = fields("collector_unreachable");
  assert.deepEqual(told.map(({ reason }) => reason), ["Connection refused", "the certificate is of another CA"]);
  assert.equal(told[1]?.["since"], collector.since.toISOString());
  assert.ok(Number(told[1]?.["attempts"]) > 5);
  assert.equal(collector.reason, "the certificate is of another CA");
  collector.close();
});

Deno.test("reported as found only after the watch connection has stood for a second, or a write was taken", async () => {
  const { collector, clock, refuse, endWatch, names, attempts, session } = watching();
  await clock.advance(5_000);
  await endWatch();
  // The dying process accepts once more, and ends.
  await clock.advance(200, 50);
  assert.equal(attempts(), 2);
  assert.equal(collector.up, false);
  await endWatch();
  refuse("Connection refused");
  await clock.advance(2_000);
  assert.ok(!names().includes("collector_found"));
  refuse(undefined);
  await clock.advance(5_000);
  assert.equal(names().at(-1), "collector_found");
  await endWatch();
  assert.equal(collector.up, false);
  await clock.advance(100, 50);
  const { connection } = session();
  assert.equal(collector.up, false);
  await connection.write(new Uint8Array(1));
  collector.taken();
  assert.equal(collector.up, false, "it may be closed at once");
  await clock.advance(100);
  assert.equal(collector.up, true);
  collector.close();
});

Deno.test("a collector that accepts connections and closes them at once is away, and no new process each time", async () => {
  const { collector, clock, endWatch, names, fields, attempts, epochs, session } = watching();
  await clock.advance(5_000);
  await endWatch();
  for (let time = 0; time < 20; time++) {
    await endWatch();
    await clock.advance(5_000, 5_000);
  }
  assert.ok(attempts() > 10);
  assert.deepEqual([epochs(), collector.alive, collector.condition], [1, false, "away"]);
  assert.deepEqual(names(), ["collector_gone", "collector_unreachable"]);
  assert.match(String(fields("collector_unreachable")[0]?.["reason"]), /ended the connection at once/);
  assert.equal(collector.mayCloseAtOnce, true, "sessions wait before they use a connection");
  const { connection, lose } = session();
  await connection.write(new Uint8Array(1));
  collector.taken();
  connection.close();
  lose();
  await clock.advance(500, 50);
  assert.ok(!names().includes("collector_found"), "what was taken was lost at once");
  collector.close();
});

Deno.test("a collector that sessions cannot reach is away, though its watch connection stands, until a probe lasts", async () => {
  const { collector, clock, refuse, names, fields, epochs, attempts, session } = watching();
  const { connection, lose } = session();
  await clock.advance(5_000);
  refuse("Connection refused");
  connection.close();
  lose();
  assert.equal(collector.failed("Connection refused"), false);
  assert.equal(collector.up, true, "the process may be ending");
  await clock.advance(5_000, 50);
  assert.deepEqual([collector.condition, collector.reason, collector.alive], ["away", "Connection refused", true]);
  assert.ok(collector.awayFor > 4_000);
  assert.equal(collector.failed("Connection refused"), true);
  assert.deepEqual(names(), ["collector_unreachable"], "once");
  refuse(undefined);
  const before = attempts();
  await clock.advance(6_000, 50);
  assert.deepEqual([collector.condition, collector.reason, epochs()], ["connected", undefined, 1]);
  assert.equal(attempts() - before, 1);
  assert.deepEqual(names(), ["collector_unreachable", "collector_found"]);
  assert.equal(fields("collector_found")[0]?.["epoch"], 1);
  collector.close();
});

Deno.test("a failed attempt of one session means nothing while another's connection stands or succeeds in a moment", async () => {
  const { collector, clock, names, session } = watching();
  await clock.advance(5_000);
  collector.failed("no answer");
  const { lose } = session();
  await clock.advance(5_000, 50);
  collector.failed("no answer");
  await clock.advance(50);
  lose();
  await clock.advance(5_000, 50);
  assert.deepEqual([collector.condition, names()], ["connected", []]);
  collector.close();
});

Deno.test("a process that ends while sessions cannot reach it ends its epoch", async () => {
  const { collector, clock, refuse, endWatch, epochs, names } = watching();
  await clock.advance(5_000);
  refuse("Connection refused");
  collector.failed("Connection refused");
  await clock.advance(2_000, 50);
  await endWatch();
  assert.deepEqual([collector.condition, collector.alive], ["away", false]);
  refuse(undefined);
  await clock.advance(10_000, 50);
  assert.deepEqual([collector.condition, epochs(), names().at(-1)], ["connected", 2, "collector_found"]);
  collector.close();
});

Deno.test("a connection that ended with its process was not closed of the collector's own accord", async () => {
  const { collector, clock, refuse, endWatch, epochs, rejections, session } = watching();
  const { connection, lose } = session();
  await connection.write(new Uint8Array(1));
  await clock.advance(5_000);
  refuse("no answer");
  lose();
  await clock.advance(80, 80);
  await endWatch();
  refuse(undefined);
  await clock.advance(1_000, 10);
  assert.deepEqual([collector.alive, epochs(), rejections], [true, 2, []]);
  collector.close();
});

Deno.test("a host that refuses shows that the process has ended; a silent one does not", async () => {
  for (
    const [reason, shown] of [["Connection refused", 1], ["Connection reset by peer", 1], ["no answer", 0]] as const
  ) {
    const { collector, clock, refuse, endWatch, rejections, session } = watching();
    const { connection, lose } = session();
    await connection.write(new Uint8Array(1));
    collector.taken();
    await clock.advance(5_000);
    refuse(reason);
    lose();
    await endWatch();
    refuse(undefined);
    await clock.advance(1_000, 10);
    assert.equal(rejections.length, shown, reason);
    collector.close();
  }
});

Deno.test("a changed way to dial is tried at once, not after the backoff", async () => {
  const { collector, clock, refuse, endWatch, attempts } = watching();
  await clock.advance(5_000);
  refuse("unknown issuer");
  await endWatch();
  await clock.advance(60_000);
  const before = attempts();
  refuse(undefined);
  let waited = true;
  void collector.wait(5_000, new AbortController().signal).then(() => waited = false);
  collector.redirect(undefined);
  await turn();
  assert.equal(waited, false, "a session's link");
  let dialled = false;
  collector.redirect(() => {
    dialled = true;
    return Promise.resolve(connectionPair()[0]);
  });
  await turn();
  await turn();
  assert.equal(dialled, true);
  await clock.advance(100);
  assert.equal(collector.alive, true, `the watch connection, after ${attempts() - before} of the old way`);
  collector.close();
});

Deno.test("over udp the watch connection decides alone, and ends what would be sent to a process that has gone", async () => {
  const { collector, clock, refuse, endWatch, session, epochs } = watching("udp");
  const { connection } = session();
  await clock.advance(5_000);
  await endWatch();
  await clock.advance(500, 50);
  assert.deepEqual([collector.alive, connection.lost, epochs()], [true, false, 1], "an idle connection was closed");
  await clock.advance(2_000);
  refuse("Connection refused");
  await endWatch();
  await clock.advance(200, 50);
  assert.deepEqual([collector.alive, connection.lost], [false, true]);
  assert.throws(() => collector.assertThere(), { message: "Connection refused" });
  refuse(undefined);
  await clock.advance(6_000);
  assert.deepEqual([collector.condition, epochs()], ["connected", 2]);
  collector.assertThere();
  collector.close();
});

Deno.test("over udp a process that is replaced before the next attempt is another one, if its watch connection was young", async () => {
  const { collector, clock, endWatch, session, epochs, attempts } = watching("udp");
  await clock.advance(100);
  for (let restart = 1; restart <= 20; restart++) {
    const { connection } = session();
    await endWatch();
    assert.deepEqual([collector.alive, connection.lost], [false, true], "nothing goes before the templates");
    // As many restarts as there may be: the pause before the next attempt grows no longer.
    await clock.advance(400, 50);
    assert.deepEqual([collector.alive, epochs(), attempts()], [true, restart + 1, restart + 1]);
  }
  collector.close();
});

Deno.test("an epoch announced by the cluster restarts every session", () => {
  const { collector, session, epochs } = watching("udp", { watch: false });
  const { connection } = session();
  collector.announceEpoch("the container has restarted");
  assert.deepEqual([connection.lost, epochs(), collector.condition], [true, 2, "connected"]);
  collector.close();

  const tcp = watching("tcp", { watch: false });
  const { connection: standing } = tcp.session();
  tcp.collector.announceEpoch("the container has restarted");
  assert.deepEqual([standing.lost, tcp.epochs()], [false, 1], "its connections show it");
  tcp.collector.close();
});

Deno.test("a collector that has been replaced begins no epoch and rejects no candidate, even if a session still reaches it", async () => {
  const { collector, clock, rejections, session } = watching();
  const { connection, lose } = session();
  await connection.write(new Uint8Array(1));
  lose();
  collector.close();
  await clock.advance(1_000, 50);
  assert.deepEqual(rejections, []);

  const away = watching();
  await away.clock.advance(1_000);
  away.refuse("Connection refused");
  await away.endWatch();
  assert.deepEqual([away.collector.alive, away.epochs()], [false, 1]);
  away.collector.close();
  away.session();
  assert.equal(away.epochs(), 1);
});

Deno.test("a probe that is under way ends with the process that it is for", async () => {
  const dialled: AbortSignal[] = [];
  const [near, far] = connectionPair();
  const clock = new StandingClock();
  const collector = new Collector({ transport: "tcp", address: { hostname: "127.0.0.1", port: 4739 } }, {
    clock,
    report: () => {},
    random: () => 1,
    dialTimeout: () => 5_000,
    watch: (signal) => {
      dialled.push(signal);
      return dialled.length === 1 ? Promise.resolve(near) : new Promise(() => {});
    },
    onEpoch: () => {},
  });
  collector.start();
  await clock.advance(2_000);
  collector.failed("Connection refused");
  await clock.advance(1_000, 50);
  assert.deepEqual(dialled.map(({ aborted }) => aborted), [false, false]);
  far.close();
  await clock.advance(1_000, 50);
  assert.equal(collector.alive, false);
  assert.deepEqual(dialled.map(({ aborted }) => aborted), [false, true, false]);
  collector.close();
  assert.deepEqual(dialled.map(({ aborted }) => aborted), [false, true, true]);
});
