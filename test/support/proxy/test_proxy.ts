import assert from "node:assert/strict";
import { Collector } from "../../../src/proxy/collector/collector.ts";
import { Proxy } from "../../../src/proxy/proxy.ts";
import type { ProxyOptions } from "../../../src/proxy/proxy_options.ts";
import type { ProxyEvent } from "../../../src/proxy/reporting/proxy_event.ts";
import type { SessionLimits } from "../../../src/proxy/session/session_parts.ts";
import type { Clock } from "../../../src/proxy/time/clock.ts";
import { RelayingRewriter } from "./relaying_rewriter.ts";

/** The limits of a session to test with, none of which ends it before its exporter does. */
export const SESSION_LIMITS: SessionLimits = {
  partialMessage: 0,
  idle: 0,
  collectorClose: 1_000,
  templateRefresh: 30_000,
  udpIdle: 300_000,
  templateChanges: 1_000_000,
};

/** A collector without a watch connection, for links that are tested alone. */
export function unwatchedCollector(clock: Clock, report: (event: ProxyEvent) => void = () => {}): Collector {
  return new Collector({ transport: "tcp", address: { hostname: "127.0.0.1", port: 4739 } }, {
    clock,
    report,
    random: () => 1,
    dialTimeout: () => 5_000,
    watch: undefined,
    onEpoch: () => {},
  });
}

/** A proxy in front of a collector, with all that it reports. Without a watch connection, unless a test asks for it. */
export class TestProxy {
  readonly events: ProxyEvent[] = [];
  readonly rewriters: RelayingRewriter[] = [];
  readonly proxy: Proxy;

  constructor(collectorPort: number, options: Partial<ProxyOptions> = {}) {
    this.proxy = new Proxy({
      listeners: [{ transport: "tcp", address: { hostname: "127.0.0.1", port: 0 } }],
      collector: { transport: "tcp", address: { hostname: "127.0.0.1", port: collectorPort } },
      mediator: {
        open: (facts) => {
          const rewriter = new RelayingRewriter(facts);
          this.rewriters.push(rewriter);
          return rewriter;
        },
      },
      report: (event) => this.events.push(event),
      watch: false,
      ...options,
    });
  }

  get port(): number {
    const address = this.proxy.addresses()[0]?.address;
    assert.ok(address !== undefined);
    return address.port;
  }

  /** Sessions that have not ended, whether their exporters have sent anything or not. */
  get open(): number {
    return [...this.proxy.sessions()].length;
  }

  /** A new exporter. */
  connect(): Promise<Deno.TcpConn> {
    return Deno.connect({ hostname: "127.0.0.1", port: this.port });
  }

  happened(event: string): ProxyEvent[] {
    return this.events.filter((one) => one.event === event);
  }

  outcome(): unknown {
    return this.happened("session_closed")[0]?.fields["outcome"];
  }
}
