/// <reference lib="deno.worker" />
/**
 * The collector of `paced_load.ts`, a thread of its own: looks at the clock whenever a message has arrived.
 *
 * @module
 */
import { connections } from "./connections.ts";
import { MessageSource } from "./message_source.ts";
import { type CollectorReport, now, type PacedCollection } from "./paced_load.ts";
import { percentile } from "./rows.ts";

function report(what: CollectorReport): void {
  self.postMessage(what);
}

self.onmessage = ({ data }: MessageEvent<PacedCollection>) => {
  const { sessions, unmeasured } = data;
  const written = new Float64Array(data.written);
  const times = new Float64Array(written.length - unmeasured);
  let [begun, arrived] = [0, 0];

  const collect = async (connection: Deno.TcpConn) => {
    const source = new MessageSource(connection);
    // Looking whether the relay listens may have reached us, too; that brings nothing.
    if (await source.message() === undefined) return connection.close();
    const session = begun++;
    report({ ready: session });
    for (let number = session; await source.message() !== undefined; number += sessions) {
      const time = now() - (written[number] ?? NaN);
      if (arrived >= unmeasured) times[arrived - unmeasured] = time;
      if (++arrived < written.length) continue;
      times.sort();
      report({ latencies: { p50: percentile(times, 0.5), p99: percentile(times, 0.99) } });
    }
    connection.close();
  };

  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  report({ port: listener.addr.port });
  (async () => {
    for await (const connection of connections(listener)) collect(connection).catch(() => connection.close());
  })();
};
