import { loadProfile } from "../../../src/config/profiles/profiles.ts";
import type { Bench } from "../bench.ts";
import { freePort } from "../../support/free_port.ts";
import type { Child } from "../child.ts";
import { issueCertificates } from "../certificates.ts";
import { connections } from "../load/connections.ts";
import { MessageSource } from "../load/message_source.ts";
import { type Latencies, startPaced } from "../load/many_ends.ts";
import { startBareRelay, startHaproxy, startProxy, type StartRelay } from "../relays/relays.ts";
import { eitherGoal, inTurn, median, percentile, type Row, row } from "../rows.ts";
import { BOTH_SIDES, tlsEnds, tlsRelays } from "./tls.ts";
import { messagesOf, Workload } from "../load/workload.ts";

const PROFILE = "antrea/v2.0";
const WARM_UP = 500;
const SESSIONS = 100;

/** Sends messages through a relay, or directly, and says how long they took. */
type Measure = (start: StartRelay | undefined, directory: string) => Promise<Latencies>;

/** The part `latency`: from before a message is written until it is read whole, without load and under load. */
export async function measureLatency(bench: Bench): Promise<Row[]> {
  const { messages, pacedSeconds: seconds, pacedMessagesPerSecond: perSecond } = bench.scale;
  const alone: Measure = (start, directory) => oneAtATime(start, directory, messages);
  const plain: Relays = [
    { what: "v2.0 to v1.15", start: startProxy({ profile: "antrea/v1.15" }) },
    { what: "bare read and write", start: startBareRelay },
    ...(bench.haproxy ? [{ what: "HAProxy", start: startHaproxy() }] : []),
  ];
  const rows = await measureAll(bench, "one at a time", plain, alone);
  const program = bench.go?.ends;
  if (program === undefined) return rows;
  const certificates = await issueCertificates(bench.directory);
  const load = { profile: PROFILE, sessions: SESSIONS, perSecond, seconds };
  const what = `${perSecond} a second, ${SESSIONS} sessions`;
  const limits = { p50: 0.15, p99: 1 };
  for (const sides of [undefined, BOTH_SIDES]) {
    const tls = sides === undefined ? {} : tlsEnds(sides, certificates);
    const measure: Measure = (start, directory) => paced(startPaced(program, { ...load, tls }), start, directory);
    const relays = sides === undefined ? plain : tlsRelays(sides, certificates, bench.haproxy);
    rows.push(
      ...await measureAll(bench, sides === undefined ? what : `${sides.name}, ${what}`, relays, measure, limits),
    );
  }
  return rows;
}

type Relays = readonly { readonly what: string; readonly start: StartRelay }[];

/**
 * @param others what is measured beside no relay at all; the goal is for the first of them
 * @param limits of what it adds, or else what HAProxy adds in the same rounds
 */
async function measureAll(
  { scale, directory, said }: Bench,
  what: string,
  others: Relays,
  measure: Measure,
  limits?: Latencies,
): Promise<Row[]> {
  const relays: [string, StartRelay | undefined][] = [
    ["no relay", undefined],
    ...others.map(({ what, start }): [string, StartRelay] => [what, start]),
  ];
  const runs = await inTurn(relays, scale.rounds, async ([name, start]) => {
    const run = await measure(start, directory);
    said(`${what}, ${name}: p50 ${run.p50.toFixed(3)} ms, p99 ${run.p99.toFixed(3)} ms`);
    return run;
  });
  return (["p50", "p99"] as const).flatMap((share) => {
    const [direct, ...others] = relays.map(([name], index) => ({
      name,
      samples: runs[index]?.map((run) => run[share]) ?? [],
    }));
    const haproxy = others.find(({ name }) => name === "HAProxy");
    const added = haproxy?.samples.map((sample, round) => sample - (direct?.samples[round] ?? NaN));
    return others.map((figures, index) =>
      row("latency", `ms, ${share}`, { ...figures, name: `${figures.name}, ${what}` }, {
        beside: direct,
        goal: limits === undefined || index > 0
          ? undefined
          : eitherGoal({ of: "difference", limit: limits[share] }, added && median(added)),
      })
    );
  });
}

/** Starts a relay, if there is one, in front of the collector's port; gives the port to send to. */
async function startBefore(
  start: StartRelay | undefined,
  collectorPort: number,
  directory: string,
): Promise<{ port: number; relay?: Child }> {
  if (start === undefined) return { port: collectorPort };
  const port = freePort();
  const relay = await start(port, collectorPort, directory);
  await relay.listensOn(port);
  return { port, relay };
}

/** Many exporters at once. @param load exporters and their collector */
async function paced(load: Child, start: StartRelay | undefined, directory: string): Promise<Latencies> {
  let relay: Child | undefined;
  try {
    const { port }: { port: number } = JSON.parse(await load.line());
    const before = await startBefore(start, port, directory);
    relay = before.relay;
    return JSON.parse(await load.ask(String(before.port)));
  } finally {
    await relay?.end();
    await load.end();
  }
}

/** One exporter: the next message is written when the one before has arrived. */
async function oneAtATime(start: StartRelay | undefined, directory: string, messages: number): Promise<Latencies> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const opened: Deno.TcpConn[] = [];
  const { port, relay } = await startBefore(start, listener.addr.port, directory);
  try {
    const workload = new Workload(loadProfile(PROFILE), { families: "IPv4", recordsPerMessage: 1 });
    const { exporter, collector } = await connect(port, listener, opened, workload.templates);
    const times = new Float64Array(messages);
    for (let number = -WARM_UP; number < messages;) {
      workload.advance();
      for (const message of messagesOf(workload.block)) {
        const begin = performance.now();
        await exporter.write(message);
        await collector.message();
        if (number >= 0) times[number] = performance.now() - begin;
        if (++number >= messages) break;
      }
    }
    times.sort();
    return { p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
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
  // The proxy's watch connection, and a look whether the relay listens, bring nothing: the first that brings a message
  // counts.
  const { promise, resolve, reject } = Promise.withResolvers<MessageSource>();
  const accept = async () => {
    for await (const connection of connections(listener)) {
      opened.push(connection);
      const collector = new MessageSource(connection);
      collector.message().then((message) => message !== undefined && resolve(collector), () => {});
    }
    reject(new Error("the listener was closed"));
  };
  accept().catch(reject);
  return { exporter, collector: await promise };
}
