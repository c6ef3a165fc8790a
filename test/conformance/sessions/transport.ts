/** The whole proxy with its real mediator between loopback sockets, for tests of transport sessions. */
import assert from "node:assert/strict";
import type { MediatorOptions } from "../../../src/mediation/session/mediator.ts";
import type { Profile } from "../../../src/mediation/mapping/profile/profile.ts";
import type { ProxyOptions } from "../../../src/proxy/proxy_options.ts";
import { closeQuietly } from "../../support/proxy/sockets.ts";
import { StandingClock } from "../../support/time/standing_clock.ts";
import { TestCollector } from "../../support/proxy/test_collector.ts";
import { TestProxy } from "../../support/proxy/test_proxy.ts";
import { until } from "../../support/time/until.ts";
import { mediatorOf } from "../../support/session.ts";
import { assertMessages, RFC } from "../conformance.ts";

export { send } from "../../support/proxy/sockets.ts";
export { turn } from "../../support/time/standing_clock.ts";
export { until } from "../../support/time/until.ts";

/** A proxy before a collector over TCP. */
export interface Transport {
  readonly collector: TestCollector;
  readonly proxy: TestProxy;
  readonly clock: StandingClock;
  /** A new exporter over TCP. */
  exporter(): Promise<Deno.TcpConn>;
  /** A new exporter over UDP: what sends a datagram from its own port. */
  udpExporter(): (datagram: Uint8Array) => Promise<number>;
  /** Waits until the collector has exactly these messages of one of its connections. */
  received(messages: readonly Uint8Array[], connection?: number): Promise<void>;
}

/** Runs a test against a proxy, and closes all that it opened. */
export async function withTransport(
  options: Partial<ProxyOptions> & {
    readonly to?: Profile;
    readonly udp?: boolean;
    readonly mediation?: Partial<MediatorOptions>;
  },
  run: (transport: Transport) => Promise<void>,
): Promise<void> {
  const { to = RFC, udp = false, mediation, ...rest } = options;
  const clock = new StandingClock();
  const collector = new TestCollector();
  const sockets: { close(): void }[] = [];
  const proxy = new TestProxy(collector.port, {
    clock,
    mediator: mediatorOf(to, mediation),
    ...(udp ? { listeners: [{ transport: "udp", address: { hostname: "127.0.0.1", port: 0 } }] } : {}),
    ...rest,
  });
  await proxy.proxy.start();
  try {
    await run({
      collector,
      proxy,
      clock,
      async exporter() {
        const socket = await proxy.connect();
        sockets.push(socket);
        return socket;
      },
      udpExporter() {
        const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
        sockets.push(socket);
        return (datagram) => socket.send(datagram, { transport: "udp", hostname: "127.0.0.1", port: proxy.port });
      },
      async received(messages, connection = 0) {
        const length = messages.reduce((sum, octets) => sum + octets.length, 0);
        await until(`${length} octets arrived`, () => (collector.connections[connection]?.length ?? 0) >= length);
        assertMessages(collector.connections[connection]?.octets ?? new Uint8Array(), messages);
      },
    });
  } finally {
    for (const socket of sockets) closeQuietly(socket);
    const closed = proxy.proxy.close();
    await clock.advance(1);
    await closed;
    closeQuietly(collector);
  }
}

/** Waits until so many sessions have ended, and gives their outcomes. */
export async function ended(proxy: TestProxy, sessions: number): Promise<unknown[]> {
  await until(`${sessions} sessions have ended`, () => proxy.happened("session_closed").length >= sessions);
  const outcomes = proxy.happened("session_closed").map(({ fields }) => fields["outcome"]);
  assert.equal(outcomes.length, sessions);
  return outcomes;
}
