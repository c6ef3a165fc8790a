import type { Bench } from "../bench.ts";
import { issueCertificates } from "../certificates.ts";
import { freePort } from "../../support/free_port.ts";
import { manyEnds, startReturning } from "../load/many_ends.ts";
import { cpuSeconds } from "../process_usage.ts";
import type { StartRelay } from "../relays/relays.ts";
import { inTurn, type Row, row } from "../rows.ts";
import type { Ends } from "../load/stream.ts";
import { BOTH_SIDES, IN_ONLY, tlsEnds, tlsRelays } from "./tls.ts";

interface ReturnRun {
  /** For each second of CPU. */
  readonly sessions: number;
  /** Until the last one's record has arrived. */
  readonly seconds: number;
  /** Connections that it took for each session. */
  readonly attempts: number;
}

/** The part `handshakes`: exporters that come back all at once, each with a full handshake. */
export async function measureHandshakes({ scale, haproxy, go, directory, said }: Bench): Promise<Row[]> {
  if (go === undefined) return [];
  const certificates = await issueCertificates(directory);
  const count = scale.returningSessions;
  const rows: Row[] = [];
  for (const sides of [IN_ONLY, BOTH_SIDES]) {
    const relays = tlsRelays(sides, certificates, haproxy).filter(({ what }) => what !== "bare read and write")
      .map((relay) => ({ ...relay, name: `${sides.name}, ${relay.what}, ${count} at once` }));
    const runs = await inTurn(relays, scale.rounds, async ({ name, start }) => {
      const ends = manyEnds(go.ends, 1, tlsEnds(sides, certificates));
      const exporters = (port: number) => startReturning(go.ends, port, count, "antrea/v2.0", certificates.exporter);
      const run = await measure(name, start, directory, ends, exporters, count);
      const { sessions, seconds, attempts } = run;
      said(
        `${name}: ${sessions.toFixed(0)} a CPU s, all served in ${seconds.toFixed(1)} s, ` +
          `${attempts.toFixed(2)} connections for each`,
      );
      return run;
    });
    const figures = (key: keyof ReturnRun) =>
      relays.map(({ name }, index) => ({ name, samples: runs[index]?.map((run) => run[key]) ?? [] }));
    for (
      const [unit, key, goal] of [
        ["sessions/CPU s", "sessions", { of: "ratio", limit: 0.5, atLeast: true }],
        ["s, all served", "seconds", undefined],
      ] as const
    ) {
      const [own, beside] = figures(key);
      if (own !== undefined) rows.push(row("handshakes", unit, own, { beside, goal }));
    }
  }
  return rows;
}

async function measure(
  name: string,
  start: StartRelay,
  directory: string,
  ends: Ends,
  startExporters: (port: number) => ReturnType<typeof startReturning>,
  count: number,
): Promise<ReturnRun> {
  const sink = ends.startSink();
  const port = freePort();
  const relay = await start(port, Number(await sink.line()), directory);
  const exporters = startExporters(port);
  try {
    await relay.listensOn(port);
    const { messages }: { messages: number } = JSON.parse(await exporters.line());
    const [cpuBefore, begin] = [await cpuSeconds(relay.pid), performance.now()];
    await exporters.ask("");
    const arrived: { messages: number } = JSON.parse(await sink.ask(String(messages)));
    const seconds = (performance.now() - begin) / 1000;
    const cpu = await cpuSeconds(relay.pid) - cpuBefore;
    if (arrived.messages !== messages) {
      throw new Error(`${name}: ${messages} messages sent, ${arrived.messages} arrived`);
    }
    const { attempts }: { attempts: number } = JSON.parse(await exporters.ask(""));
    return { sessions: count / cpu, seconds, attempts: attempts / count };
  } finally {
    for (const child of [exporters, relay, sink]) await child.end();
  }
}
