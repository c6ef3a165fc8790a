import assert from "node:assert/strict";
import type { Connection } from "../connection.ts";
import { StandingClock, turn, until } from "../../../../test/support/proxy.ts";
import { Turns } from "../../time/turns.ts";
import { TcpListener } from "./tcp_listener.ts";

type AcceptTurns = Pick<Turns, "over" | "crowded" | "next">;
type Outcome = Error | "connection";

/** A listening socket whose accepts end as they are told to; a real connection stands for each that succeeds. */
async function accepting(
  outcomes: Outcome[],
  turnOf: (clock: StandingClock) => AcceptTurns = (clock) => new Turns(clock),
) {
  const real = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const dialled: Deno.Conn[] = [];
  let accepts = 0;
  let close = () => {};
  const socket = {
    addr: real.addr,
    async accept(): Promise<Deno.TcpConn> {
      accepts++;
      const outcome = outcomes.shift();
      if (outcome instanceof Error) throw outcome;
      if (outcome === undefined) await new Promise<void>((_, reject) => close = () => reject(new Error("closed")));
      dialled.push(await Deno.connect({ hostname: "127.0.0.1", port: real.addr.port }));
      return await real.accept();
    },
    close: () => close(),
  };
  const clock = new StandingClock();
  const errors: unknown[] = [];
  const connections: Connection[] = [];
  const listener = new TcpListener(
    real.addr,
    { clock, turns: turnOf(clock) },
    (error) => errors.push(error),
    () => socket,
  );
  const accepted = listener.accept((connection) => connections.push(connection));
  await turn();
  return {
    clock,
    errors,
    connections,
    accepts: () => accepts,
    async end() {
      listener.close();
      await accepted;
      real.close();
      for (const one of [...dialled, ...connections]) one.close();
    },
  };
}

Deno.test("a connection that is reset while it waits to be accepted costs nobody anything: no pause, no log line", async () => {
  const { NotConnected, ConnectionReset, ConnectionAborted } = Deno.errors;
  const gone = [new NotConnected("107"), new ConnectionReset("104"), new ConnectionAborted("103")];
  const listener = await accepting([...gone, "connection"]);
  // The clock stands: after a pause there would never be one.
  await until("the next one is let in", () => listener.connections.length === 1);
  assert.deepEqual(listener.errors, []);
  await listener.end();
});

Deno.test("out of file descriptors: logged once, tried again less and less often, and accepting goes on", async () => {
  const out = () => new Error("Too many open files (os error 24)");
  const listener = await accepting([out(), out(), out(), out(), out(), out(), "connection", out()]);
  assert.equal(listener.accepts(), 1);
  await listener.clock.advance(100, 100);
  assert.equal(listener.accepts(), 2);
  await listener.clock.advance(100, 100);
  assert.equal(listener.accepts(), 2, "twice as long the second time");
  await listener.clock.advance(100, 100);
  assert.equal(listener.accepts(), 3);
  assert.equal(listener.errors.length, 1);
  await listener.clock.advance(1_000, 100);
  await listener.clock.advance(3_000, 100);
  await until("one is let in", () => listener.connections.length === 1);
  await until("it fails again", () => listener.errors.length === 2);
  await listener.end();
});

Deno.test("of many that wait to be accepted, each is let in only while the turn is not over: then others go first", async () => {
  let left = 2;
  let resume = () => {};
  const waits: boolean[] = [];
  const turns = {
    get over() {
      return left-- <= 0;
    },
    crowded: false,
    next(demanding: boolean) {
      waits.push(demanding);
      return new Promise<void>((resolve) => resume = resolve);
    },
  };
  const listener = await accepting(Array.from({ length: 6 }, () => "connection" as const), () => turns);
  await until("it waits for a turn", () => waits.length === 1);
  assert.equal(listener.connections.length, 2);
  resume();
  await until("it has had a turn", () => waits.length === 2);
  assert.equal(listener.connections.length, 3, "one, as that turn is over at once");
  assert.deepEqual(waits, [false, false]);
  left = Infinity;
  turns.crowded = true;
  resume();
  await until("it has had another turn", () => waits.length === 3);
  assert.equal(listener.connections.length, 4, "one, as those before it have fallen behind");
  turns.crowded = false;
  resume();
  await until("all are let in", () => listener.connections.length === 6);
  await listener.end();
});
