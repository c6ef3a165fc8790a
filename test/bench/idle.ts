import { loadProfile } from "../../src/config/profiles/profiles.ts";
import type { Bench } from "./bench.ts";
import { freePort } from "./child.ts";
import { connections } from "./connections.ts";
import { residentMemory } from "./process_usage.ts";
import { startHaproxy, startProxy, type StartRelay } from "./relays.ts";
import { inTurn, type Row, row } from "./rows.ts";
import { messagesOf, Workload } from "./workload.ts";

interface IdleRun {
  readonly kilobytesPerSession: number;
  readonly megabytes: number;
}

/** The part `idle`: sessions that have announced their templates and sent a record, and then nothing. */
export async function measureIdle({ scale, haproxy, directory, said }: Bench): Promise<Row[]> {
  const { idleSessions: count, restMilliseconds } = scale;
  const own = `v2.0 to v1.15, ${count} sessions`;
  const unforced = `${own}, no forced collection`;
  const contenders: [string, StartRelay][] = [
    [own, startProxy({ profile: "antrea/v1.15" })],
    [unforced, startProxy({ profile: "antrea/v1.15", forcedCollection: false })],
    ...(haproxy ? [["HAProxy", startHaproxy()] satisfies [string, StartRelay]] : []),
  ];
  const runs = await inTurn(contenders, Math.min(scale.rounds, 3), async ([what, start]) => {
    const run = await measure(start, count, restMilliseconds, directory);
    said(`${what}: ${run.kilobytesPerSession.toFixed(1)} KB a session, ${run.megabytes.toFixed(0)} MB`);
    return run;
  });
  const figures = (key: keyof IdleRun) =>
    contenders.map(([name], index) => ({ name, samples: runs[index]?.map((run) => run[key]) ?? [] }));
  const rows = (key: keyof IdleRun, unit: string, limit: number) => {
    const [own = { name: "", samples: [] }, unforced = own, haproxy] = figures(key);
    return [
      row("idle", unit, own, { beside: haproxy, goal: { of: "figure", limit } }),
      row("idle", unit, unforced, { beside: own }),
    ];
  };
  return [...rows("kilobytesPerSession", "KB a session", 20), ...rows("megabytes", "MB resident", 160)];
}

async function measure(
  start: StartRelay,
  count: number,
  restMilliseconds: number,
  directory: string,
): Promise<IdleRun> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const opened: Deno.TcpConn[] = [];
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
        const exporter = await Deno.connect({ hostname: "127.0.0.1", port });
        opened.push(exporter);
        await exporter.write(workload.templates);
        await exporter.write(record);
      }
      await arrivals.all();
      await new Promise((resolve) => setTimeout(resolve, restMilliseconds));
      return await residentMemory(relay.pid);
    };
    // What a program takes when it is first used at all is not the sessions'. Both halves are enough for the proxy to give memory back.
    const half = Math.ceil(count / 2);
    const [before, after] = [await openUpTo(half), await openUpTo(count)];
    return { kilobytesPerSession: (after - before) / (count - half) / 1000, megabytes: after / 1e6 };
  } finally {
    await relay.end();
    for (const connection of opened) connection.close();
    listener.close();
  }
}

/** Counts the connections of a listener that have brought something. */
class FirstOctets {
  wanted = 0;
  #arrived = 0;
  #reached: () => void = () => {};

  constructor(listener: Deno.TcpListener, opened: Deno.TcpConn[]) {
    // Ends with the listener.
    (async () => {
      for await (const connection of connections(listener)) {
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

  async #look(connection: Deno.TcpConn): Promise<void> {
    if (await connection.read(new Uint8Array(8192)) !== null && ++this.#arrived === this.wanted) this.#reached();
  }
}
