import { StandingClock } from "../../../test/support/time/standing_clock.ts";
import assert from "node:assert/strict";
import { increment } from "../../mediation/templates/counters.ts";
import { Proxy } from "../../proxy/proxy.ts";
import { EventFeed } from "./event_feed.ts";
import { skewedMapping } from "../../../test/support/fake_view.ts";
import { createMetrics } from "../metrics/metrics.ts";
import { proxyView } from "./proxy_view.ts";
import { statusReport } from "../api/status_report.ts";
import type { AdminEvent } from "./view.ts";

const NOW = new Date("2026-01-01T00:00:09Z");

function fixture() {
  const proxy = new Proxy({
    listeners: [],
    collector: { transport: "tcp", address: { hostname: "::1", port: 4739 } },
    mediator: {
      open: () => {
        throw new Error("no session is opened here");
      },
    },
    report: () => {},
    clock: new StandingClock(),
    expectation: { profile: "antrea/v2.0", dialect: "go-ipfix-legacy", key: "", adopt: () => {} },
  });
  const events = new EventFeed(() => NOW);
  let drained = 0;
  const view = proxyView(proxy, {
    version: "1.2.3",
    startedAt: new Date("2026-01-01T00:00:00Z"),
    events,
    drain: () => drained++,
    ready: () => !proxy.draining,
  });
  return { proxy, events, view, drained: () => drained };
}

Deno.test("what the proxy counts later is in status and metrics", async () => {
  const { proxy, view } = fixture();
  const metrics = createMetrics(view);
  proxy.counters.countSession("tcp", "closed");
  proxy.counters.countSession("tcp", "closed");
  proxy.counters.countSession("tcp", "rejected");
  proxy.counters.countSession("tcp", "refused");
  increment(proxy.counters.handshakeFailures, "timeout");
  proxy.counters.collectorReconnects = 5;
  proxy.counters.replayedTemplates = 6;
  proxy.counters.recordsPossiblyLost = 7;
  const status = statusReport(view, NOW);
  assert.deepEqual(status.collector, {
    address: "[::1]:4739",
    state: "idle",
    since: "1970-01-01T00:00:00.000Z",
    reason: null,
    epoch: 0,
    profile: "antrea/v2.0",
    nextProfile: null,
    candidates: null,
    dialect: "go-ipfix-legacy",
    reconnects: 5,
  });
  assert.deepEqual(status.totals.sessions, { open: 0, closing: 0, ended: 3, refused: 1 });
  assert.deepEqual(status.verdict, {
    verdict: "unknown",
    reason: "no exporter has connected yet",
  });
  assert.equal(status.totals.handshakeFailures["timeout"], 1);
  const text = await metrics.scrape();
  assert.match(text, /^ipfix_proxy_sessions_total\{transport="tcp",outcome="closed"\} 2$/m);
  assert.match(text, /^ipfix_proxy_sessions_total\{transport="tcp",outcome="rejected"\} 1$/m);
  assert.match(text, /^ipfix_proxy_collector_replayed_templates_total 6$/m);
  assert.match(text, /^ipfix_proxy_collector_possibly_lost_records_total 7$/m);
  assert.match(text, /^ipfix_proxy_verdict\{verdict="unknown"\} 1$/m);
  assert.match(text, /^ipfix_proxy_handshake_failures_total\{reason="timeout"\} 1$/m);
  assert.doesNotMatch(text, /^ipfix_proxy_collector_up /m, "it was not tried yet");
});

Deno.test("of a collector it is known which exporters' transports need no conversion", () => {
  const { collector } = fixture().view;
  assert.deepEqual(["tcp", "udp", "grpc"].map((each) => collector.takes?.(each as "tcp")), [true, true, false]);
});

Deno.test("draining and readiness are read anew at each request", async () => {
  const { proxy, view, drained } = fixture();
  assert.deepEqual([view.ready, view.draining, view.closeSession("1")], [true, false, false]);
  view.drain();
  assert.equal(drained(), 1);
  await proxy.drain();
  assert.deepEqual([view.ready, view.draining], [false, true]);
});

Deno.test("events are handed on with their time and a link to their session, without the mapping, to those who listen", () => {
  const { events, view } = fixture();
  const mapping = skewedMapping();
  const told: AdminEvent[] = [];
  const publish = () =>
    events.publish({
      level: "info",
      event: "template_mapped",
      message: "template 256 is mapped",
      fields: { session: "4", peer: "10.0.0.1:5", template: 256 },
      mediation: {
        event: "template_mapped",
        observationDomain: 1,
        template: 256,
        targetTemplate: 256,
        outcome: "rewritten",
        replaced: false,
        mapping,
      },
    });
  publish();
  const unsubscribe = view.subscribe((event) => told.push(event));
  publish();
  unsubscribe();
  publish();
  assert.deepEqual(told, [{
    session: "4",
    peer: "10.0.0.1:5",
    template: 256,
    event: "template_mapped",
    time: NOW,
    level: "info",
    message: "template 256 is mapped",
    link: "/api/sessions/4",
  }]);
});
