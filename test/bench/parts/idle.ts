import { loadProfile } from "../../../src/config/profiles/profiles.ts";
import type { Bench } from "../bench.ts";
import { type Certificates, issueCertificates } from "../certificates.ts";
import { freePort } from "../../support/free_port.ts";
import { connections } from "../load/connections.ts";
import { residentMemory } from "../process_usage.ts";
import { startHaproxy, startProxy, type StartRelay } from "../relays/relays.ts";
import { inTurn, type Row, row } from "../rows.ts";
import { BOTH_SIDES, tlsRelays } from "./tls.ts";
import { messagesOf, Workload } from "../load/workload.ts";

interface IdleRun {
  readonly kilobytesPerSession: number;
  readonly megabytes: number;
}

/** The part `idle`: sessions that have announced their templates and sent a record, and then nothing. */
export async function measureIdle({ scale, haproxy, directory, said }: Bench): Promise<Row[]> {
  const { idleSessions: count, restMilliseconds } = scale;
  const own = `v2.0 to v1.15, ${count} sessions`;
  const alone = `${own}, V8 alone`;
  const certificates = await issueCertificates(directory);
  const contenders: [name: string, StartRelay, Certificates?][] = [
    [own, startProxy({ profile: "antrea/v1.15" })],
    [alone, startProxy({ profile: "antrea/v1.15", forcedCollection: false })],
    ...tlsRelays(BOTH_SIDES, certificates, haproxy).filter(({ what }) => what !== "bare read and write")
      .map(({ what, start }): [string, StartRelay, Certificates] => [
        `${BOTH_SIDES.name}, ${what}, ${count} sessions`,
        start,
        certificates,
      ]),
    ...(haproxy ? [["HAProxy", startHaproxy()] satisfies [string, StartRelay]] : []),
  ];
  const runs = await inTurn(contenders, Math.min(scale.rounds, 3), async ([what, start, tls]) => {
    const run = await measure(start, count, restMilliseconds, directory, tls);
    said(`${what}: ${run.kilobytesPerSession.toFixed(1)} KB a session, ${run.megabytes.toFixed(0)} MB`);
    return run;
  });
  const figures = (key: keyof IdleRun) =>
    contenders.map(([name], index) => ({ name, samples: runs[index]?.map((run) => run[key]) ?? [] }));
  const rows = (key: keyof IdleRun, unit: string, limit: number, tlsLimit?: number) => {
    const [own = { name: "", samples: [] }, alone = own, overTls = own, ...others] = figures(key);
    const [haproxy, haproxyOverTls] = [others.at(-1), others.at(-2)];
    return [
      row("idle", unit, own, { beside: haproxy, goal: { of: "figure", limit } }),
      row("idle", unit, alone, { beside: own }),
      row("idle", unit, overTls, {
        beside: haproxyOverTls,
        goal: tlsLimit === undefined ? tlsLimit : { of: "figure", limit: tlsLimit },
      }),
    ];
  };
  return [...rows("kilobytesPerSession", "KB a session", 20), ...rows("megabytes", "MB resident", 160, 250)];
}

async function measure(
  start: StartRelay,
  count: number,
  restMilliseconds: number,
  directory: string,
  certificates?: Certificates,
): Promise<IdleRun> {
  const { listener, connect } = await tlsOrTcp(certificates);
  const opened: Deno.Conn[] = [];
  const port = freePort();
  const relay = await start(port, listener.addr.port, directory);
  try {
    await relay.listensOn(port);
    const arrivals = new FirstOctets(listener, opened);
    const workload = new Workload(loadProfile("antrea/v2.0"), { families: "both", recordsPerMessage: 1 });
    const [record = workload.block] = messagesOf(workload.block);
    const openUpTo = async (sessions: number) => {
      while (arrivals.wanted < sessions) {
        arrivals.wanted++;
        const exporter = await connect(port);
        opened.push(exporter);
        await exporter.write(workload.templates);
        await exporter.write(record);
      }
      await arrivals.all();
      await new Promise((resolve) => setTimeout(resolve, restMilliseconds));
      return await residentMemory(relay.pid);
    };
    // What a program takes when it is first used at all is not the sessions'. Both halves are enough for the proxy to
    // give memory back.
    const half = Math.ceil(count / 2);
    const [before, after] = [await openUpTo(half), await openUpTo(count)];
    return { kilobytesPerSession: (after - before) / (count - half) / 1000, megabytes: after / 1e6 };
  } finally {
    await relay.end();
    for (const connection of opened) connection.close();
    listener.close();
  }
}

interface IdleEnds {
  readonly listener: Deno.TcpListener | Deno.TlsListener;
  connect(port: number): Promise<Deno.Conn>;
}

/** Over TLS the collector does not ask for certificates, which its peer's memory does not depend on. */
async function tlsOrTcp(certificates: Certificates | undefined): Promise<IdleEnds> {
  const [local, hostname] = [{ hostname: "127.0.0.1", port: 0 }, "127.0.0.1"];
  if (certificates === undefined) {
    return { listener: Deno.listen(local), connect: (port) => Deno.connect({ hostname, port }) };
  }
  const { collector, tls: { ca, certificate, key } } = certificates;
  const [own, ownKey] = await Promise.all(
    [collector.certificate, collector.key].map((path) => Deno.readTextFile(path)),
  );
  return {
    listener: Deno.listenTls({ ...local, cert: own ?? "", key: ownKey ?? "" }),
    connect: (port) => Deno.connectTls({ hostname, port, caCerts: [ca], cert: certificate, key }),
  };
}

/** Counts the connections of a listener that have brought something. */
class FirstOctets {
  wanted = 0;
  #arrived = 0;
  #reached: () => void = () => {};

  constructor(listener: Deno.TcpListener | Deno.TlsListener, opened: Deno.Conn[]) {
    // Ends with the listener.
    (async () => {
      for await (const connection of connections<Deno.Conn>(listener)) {
        opened.push(connection);
        this.#look(connection).catch(() => {});
      }
    })().catch(() => {});
  }

  /** Resolves when as many have as are wanted. */
  all(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#reached = resolve;
    if (this.#arrived === this.wanted) resolve();
    return promise;
  }

  async #look(connection: Deno.Conn): Promise<void> {
    if (await connection.read(new Uint8Array(8192)) !== null && ++this.#arrived === this.wanted) this.#reached();
  }
}
