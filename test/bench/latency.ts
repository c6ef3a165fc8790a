import { loadProfile } from "../../src/config/profiles.ts";
import type { Bench } from "./bench.ts";
import { type Child, freePort } from "./child.ts";
import { connections } from "./connections.ts";
import { MessageSource } from "./message_source.ts";
import { startBareRelay, startHaproxy, startProxy, type StartRelay } from "./relays.ts";
import { inTurn, percentile, type Row, row } from "./rows.ts";
import { messagesOf, Workload } from "./workload.ts";

const WARM_UP = 500;
/** How often messages are written that have become due. */
const BEAT_MILLISECONDS = 1;
const SESSIONS = 100;
const AGENT = { families: "IPv4", recordsPerMessage: 1 } as const;

/** Sends messages to a port and gives the milliseconds that each took to the listener, rising. */
type Send = (port: number, listener: Deno.TcpListener, opened: Deno.TcpConn[]) => Promise<Float64Array>;

/** The part `latency`: from before a message is written until it is read whole, without load and under load. */
export async function measureLatency(bench: Bench): Promise<Row[]> {
  const { messages, pacedSeconds, pacedMessagesPerSecond } = bench.scale;
  const alone = await measureAll(bench, "one at a time", (...to) => oneAtATime(...to, messages));
  const loaded = `${pacedMessagesPerSecond} a second, ${SESSIONS} sessions`;
  const underLoad = await measureAll(
    bench,
    loaded,
    (...to) => paced(...to, pacedMessagesPerSecond, pacedSeconds),
    { p50: 0.2, p99: 1 },
  );
  return [...alone, ...underLoad];
}

async function measureAll(
  { scale, haproxy, directory, said }: Bench,
  what: string,
  send: Send,
  limits?: { readonly p50: number; readonly p99: number },
): Promise<Row[]> {
  const relays: [string, StartRelay | undefined][] = [
    ["no relay", undefined],
    ["v2.0 to v1.15", startProxy({ profile: "antrea/v1.15" })],
    ["bare read and write", startBareRelay],
    ...(haproxy ? [["HAProxy", startHaproxy()] satisfies [string, StartRelay]] : []),
  ];
  const runs = await inTurn(relays, scale.rounds, async ([name, start]) => {
    const times = await measure(start, send, directory);
    const run = { p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
    said(`${what}, ${name}: p50 ${run.p50.toFixed(3)} ms, p99 ${run.p99.toFixed(3)} ms`);
    return run;
  });
  return (["p50", "p99"] as const).flatMap((share) => {
    const [direct, ...others] = relays.map(([name], index) => ({
      name,
      samples: runs[index]?.map((run) => run[share]) ?? [],
    }));
    return others.map((figures, index) =>
      row("latency", `ms, ${share}`, { ...figures, name: `${figures.name}, ${what}` }, {
        beside: direct,
        goal: limits === undefined || index > 0 ? undefined : { of: "difference", limit: limits[share] },
      })
    );
  });
}

async function measure(start: StartRelay | undefined, send: Send, directory: string): Promise<Float64Array> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const opened: Deno.TcpConn[] = [];
  let port = listener.addr.port;
  let relay: Child | undefined;
  try {
    if (start !== undefined) {
      port = freePort();
      relay = await start(port, listener.addr.port, directory);
      await relay.listensOn(port);
    }
    return await send(port, listener, opened);
  } finally {
    for (const connection of opened) connection.close();
    await relay?.end();
    listener.close();
  }
}

/** A connection through the relay, with both its ends, whose templates have arrived. */
async function connect(
  port: number,
  listener: Deno.TcpListener,
  opened: Deno.TcpConn[],
  templates: Uint8Array,
): Promise<{ exporter: Deno.TcpConn; collector: MessageSource }> {
  const exporter = await Deno.connect({ hostname: "127.0.0.1", port });
  opened.push(exporter);
  exporter.setNoDelay(true);
  await exporter.write(templates);
  for await (const connection of connections(listener)) {
    opened.push(connection);
    const collector = new MessageSource(connection);
    // Looking whether the relay listens may have reached us, too; that brings nothing.
    if (await collector.message() !== undefined) return { exporter, collector };
  }
  throw new Error("the listener was closed");
}

/** The next message is written when the one before has arrived. */
async function oneAtATime(
  port: number,
  listener: Deno.TcpListener,
  opened: Deno.TcpConn[],
  messages: number,
): Promise<Float64Array> {
  const workload = new Workload(loadProfile("antrea/v2.0"), AGENT);
  const { exporter, collector } = await connect(port, listener, opened, workload.templates);
  const times = new Float64Array(messages);
  for (let number = -WARM_UP; number < messages;) {
    workload.advance();
    for (const message of messagesOf(workload.block)) {
      const start = performance.now();
      await exporter.write(message);
      await collector.message();
      if (number >= 0) times[number] = performance.now() - start;
      if (++number >= messages) break;
    }
  }
  return times.sort();
}

/** Many exporters take turns; each beat, all that has become due is written at once, whether what was before has arrived or not. */
async function paced(
  port: number,
  listener: Deno.TcpListener,
  opened: Deno.TcpConn[],
  perSecond: number,
  seconds: number,
): Promise<Float64Array> {
  const workload = new Workload(loadProfile("antrea/v2.0"), AGENT);
  const sessions: { exporter: Deno.TcpConn; collector: MessageSource; sent: number[] }[] = [];
  while (sessions.length < SESSIONS) {
    sessions.push({ ...await connect(port, listener, opened, workload.templates), sent: [] });
  }
  const total = Math.ceil(perSecond * seconds);
  // The first second is unmeasured, or a quarter where there is less.
  const unmeasured = Math.ceil(Math.min(perSecond, total / 4));
  const times = new Float64Array(total);
  const allHaveArrived = Promise.withResolvers<void>();
  let arrived = -unmeasured;
  const collect = async ({ collector, sent }: typeof sessions[number]) => {
    for (let number = 0; await collector.message() !== undefined; number++) {
      const start = sent[number] ?? NaN;
      if (arrived >= 0) times[arrived] = performance.now() - start;
      if (++arrived === total) allHaveArrived.resolve();
    }
  };
  for (const session of sessions) collect(session).catch(() => {});
  // A session's sequence numbers count its own messages: all of a round are alike, and the block holds enough rounds.
  const begin = performance.now();
  let number = 0;
  for (const message of rounds(workload)) {
    for (const { exporter, sent } of sessions) {
      if (number === total + unmeasured) break;
      while (number >= (performance.now() - begin) / 1000 * perSecond) {
        await new Promise((resolve) => setTimeout(resolve, BEAT_MILLISECONDS));
      }
      number++;
      sent.push(performance.now());
      exporter.write(message).catch(allHaveArrived.reject);
    }
    if (number === total + unmeasured) break;
  }
  await allHaveArrived.promise;
  return times.sort();
}

function* rounds(workload: Workload): Generator<Uint8Array<ArrayBuffer>> {
  while (true) {
    workload.advance();
    yield* messagesOf(workload.block);
  }
}
