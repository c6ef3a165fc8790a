import assert from "node:assert/strict";
import type { Connection } from "../connection.ts";
import { StandingClock, turn } from "../../../../test/support/time/standing_clock.ts";
import { until } from "../../../../test/support/time/until.ts";
import { Turns } from "../../time/turns.ts";
import { TcpListener } from "./tcp_listener.ts";

type AcceptTurns = Pick<Turns, "costly" | "spend">;
type Outcome = Error | "connection";

/** A listening socket whose accepts end as the test says. Each that succeeds returns a real connection. */
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

Deno.test("of many that wait to be accepted, each is let in by a turn of costly work, which is charged", async () => {
  const waits: (() => void)[] = [];
  let [granted, spent] = [2, 0];
  const turns: AcceptTurns = {
    costly() {
      return granted-- > 0 ? Promise.resolve() : new Promise<void>((resolve) => waits.push(resolve));
    },
    spend(_use, admit) {
      spent++;
      return admit();
    },
  };
  const listener = await accepting(Array.from({ length: 6 }, () => "connection" as const), () => turns);
  await until("it waits for a turn", () => waits.length === 1);
  assert.deepEqual([listener.connections.length, spent], [2, 2]);
  waits.pop()?.();
  await until("it waits again", () => waits.length === 1);
  assert.deepEqual([listener.connections.length, spent], [3, 3]);
  granted = Infinity;
  waits.pop()?.();
  await until("all are let in", () => listener.connections.length === 6);
  assert.equal(spent, 6);
  await listener.end();
});
