import assert from "node:assert/strict";
import { Counters } from "../../mediation/templates/counters.ts";
import { CollectorLink } from "./collector_link.ts";
import type { Connection, Dial } from "../transport/connection.ts";
import { connectionPair } from "../transport/tls/memory_connection.ts";
import { ProxyCounters } from "../reporting/proxy_counters.ts";
import type { EventFields } from "../reporting/proxy_event.ts";
import { StandingClock, turn } from "../../../test/support/time/standing_clock.ts";
import { unwatchedCollector } from "../../../test/support/proxy/test_proxy.ts";

function linking(dial: Dial, hold = 60_000) {
  const clock = new StandingClock();
  const counters = new ProxyCounters();
  const events: string[] = [];
  const note = (event: string, fields: EventFields = {}) =>
    void events.push(`${event} ${fields["reason"] ?? ""}`.trim());
  const collector = unwatchedCollector(clock, ({ event, fields }) => note(event, fields));
  const link = new CollectorLink(
    { clock, counters, random: () => 1, dialTimeout: 5_000 },
    {
      route: { collector, dial },
      hold,
      counters: new Counters(),
      report: (_level, event, _message, fields) => note(event, fields),
    },
  );
  void link.connection();
  return { link, clock, counters, events, collector };
}

Deno.test("a name that does not resolve yet is asked for again at each attempt", async () => {
  const answers = [undefined, undefined, "192.0.2.7"];
  let asked = 0;
  const { link, clock, counters, events } = linking(() => {
    asked++;
    const address = answers.shift();
    if (address === undefined) return Promise.reject(new Error("failed to lookup address information"));
    return Promise.resolve(connectionPair()[0]);
  });
  await clock.advanceUntil("it is connected", () => link.connected, 50);
  assert.equal(asked, 3);
  assert.deepEqual(events.slice(0, 1), ["collector_unreachable failed to lookup address information"]);
  assert.deepEqual([...counters.collectorConnections], [["failed", 2], ["connected", 1]]);
  link.close();
});

Deno.test("an attempt that gets no answer is given up after its time, and the next one is made", async () => {
  let given = 0;
  const { link, clock } = linking((signal) =>
    new Promise((_, reject) =>
      signal.addEventListener("abort", () => {
        given++;
        reject(signal.reason);
      })
    )
  );
  await clock.advance(4_000);
  assert.equal(given, 0);
  await clock.advance(2_000);
  assert.equal(given, 1);
  await clock.advance(6_000);
  assert.equal(given, 2);
  link.close();
});

Deno.test("redirected: the next connection goes to the new address; an open one is left only on request", async () => {
  const dialled: string[] = [];
  const to = (name: string): Dial => () => {
    dialled.push(name);
    return Promise.resolve(connectionPair()[0]);
  };
  const { link, counters, events, collector } = linking(to("first"));
  const first = await link.connection();
  assert.ok(first !== undefined);
  link.retire();
  assert.equal(first.lost, false, "there is nowhere else to go");
  link.redirect({ collector, dial: to("second") });
  assert.equal(first.lost, false);
  link.retire();
  assert.equal(first.lost, true);
  const second = await link.replace(first);
  assert.ok(second !== undefined && second !== first);
  assert.deepEqual(dialled, ["first", "second"]);
  assert.equal(counters.recordsPossiblyLost, 0);
  assert.ok(!events.some((event) => event.startsWith("collector_lost")), "leaving is no loss");
  link.close();
  await turn();
});

/** A session's last records are out, a second or three ago; then its link is closed in one of these ways. */
async function lossOf(waited: boolean, age: number, close: (link: CollectorLink) => void) {
  const { link, clock, counters, events } = linking(() => Promise.resolve(connectionPair()[0]));
  const connection = await link.connection();
  assert.ok(connection !== undefined);
  connection.expect(1_000, 10);
  connection.take(waited);
  await clock.advance(age);
  close(link);
  await clock.advance(10_000);
  const lost = events.filter((event) => event.startsWith("collector_lost")).length;
  return { lost, possiblyLost: counters.recordsPossiblyLost };
}

const closings: Record<string, (link: CollectorLink) => void> = {
  "while a write may wait": (link) => link.close(),
  "while the collector is to close its side": (link) => {
    void link.finish(5_000);
    link.close();
  },
};

for (const [when, close] of Object.entries(closings)) {
  Deno.test(`a session that is ended ${when} says once what a collector that is behind has not read`, async () => {
    assert.deepEqual(await lossOf(true, 3_000, close), { lost: 1, possiblyLost: 10 });
    assert.deepEqual(await lossOf(false, 1_000, close), { lost: 1, possiblyLost: 10 });
    assert.deepEqual(await lossOf(false, 3_000, close), { lost: 0, possiblyLost: 0 });
  });
}

Deno.test("a link that is closed ends at once, whatever its dialler does; a connection that comes too late is closed", async () => {
  const dialling = Promise.withResolvers<Connection>();
  const { link } = linking(() => dialling.promise);
  const connection = link.connection();
  link.close();
  assert.equal(await connection, undefined);
  const [near, far] = connectionPair();
  dialling.resolve(near);
  assert.equal(await far.read(new Uint8Array(1)), null);
});

Deno.test("a connection that lasted for a second is replaced at once, a shorter one after a pause", async () => {
  for (const [lived, atOnce] of [[1_000, true], [900, false]] as const) {
    const ends: Connection[] = [];
    const { link, clock } = linking(() => {
      const [near, far] = connectionPair();
      ends.push(far);
      return Promise.resolve(near);
    });
    await link.connection();
    await clock.advance(lived, 50);
    ends[0]?.close();
    await turn();
    await turn();
    assert.equal(ends.length === 2, atOnce, `after ${lived} ms`);
    await clock.advance(1_000, 50);
    assert.equal(ends.length, 2);
    link.close();
  }
});
