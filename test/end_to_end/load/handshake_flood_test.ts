import assert from "node:assert/strict";
import { connectExporter, type ExporterSocket } from "../peers/exporter.ts";
import { NEWER, withParts } from "../peers/fleet.ts";
import { FlowMessages } from "../peers/flows.ts";
import { Identities } from "../peers/identities.ts";
import { moment, say } from "../support.ts";

/** Handshakes a second that begin with one octet and never go on. */
const RATE = 243;
/** More than have a place at a time. */
const MOST_OPEN = 1_500;
const TRIES = 20;

/** Begins handshakes and leaves them, until it is told to stop. Returns how many there were. */
async function flood(port: number, stop: AbortSignal): Promise<number> {
  const open: Deno.TcpConn[] = [];
  const begin = performance.now();
  let begun = 0;
  while (!stop.aborted) {
    for (const due = (performance.now() - begin) * RATE / 1_000; begun < due; begun++) {
      try {
        const connection = await Deno.connect({ hostname: "127.0.0.1", port });
        open.push(connection);
        await connection.write(Uint8Array.of(22));
      } catch { /* It made room for another. */ }
      if (open.length > MOST_OPEN) close(open.shift());
    }
    await moment(5);
  }
  open.forEach(close);
  return begun;
}

function close(connection: Deno.TcpConn | undefined): void {
  try {
    connection?.close();
  } catch { /* The proxy was first. */ }
}

Deno.test(`beside ${RATE} handshakes a second that never go on, an exporter gets in at every try`, async () => {
  await using identities = await Identities.create();
  const { agent, authority } = identities;
  const listen = [{ transport: "tls" as const, tls: await identities.listener() }];
  await withParts({ listen }, async ({ proxy, collector }) => {
    const stop = new AbortController();
    const flooding = flood(proxy.port(), stop.signal);
    let got: ExporterSocket | undefined;
    let worst = 0;
    try {
      // As many as have a place are under way, so that each newcomer takes another's.
      await moment(6_000);
      for (let domain = 1; domain <= TRIES; domain++) {
        const begin = performance.now();
        got = await connectExporter(proxy.port(), { issued: agent, ca: authority.pem });
        const messages = new FlowMessages(NEWER, domain);
        await got.write(messages.templates);
        await got.write(messages.message(0));
        await collector.until(`try ${domain} gets through`, () => collector.flowsOf(domain).length > 0);
        worst = Math.max(worst, performance.now() - begin);
        got.close();
        await moment(100);
      }
    } finally {
      stop.abort();
      say(`beside ${await flooding} handshakes that never went on: ${TRIES} tries, at worst ${worst.toFixed(0)} ms`);
      got?.close();
    }
    assert.equal((await proxy.metrics()).of(`sessions_total{transport="tls",outcome="refused"}`), 0);
  });
});
