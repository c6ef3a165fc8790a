/** The verdict of a running proxy, with its sessions, its collector and its clock. */
import assert from "node:assert/strict";
import { freePort } from "../../../test/support/free_port.ts";
import { dataMessage, join, templateMessage } from "../../../test/support/proxy/proxy_messages.ts";
import { closeQuietly, send } from "../../../test/support/proxy/sockets.ts";
import { RelayingRewriter } from "../../../test/support/proxy/relaying_rewriter.ts";
import { StandingClock, turn } from "../../../test/support/time/standing_clock.ts";
import { TestCollector } from "../../../test/support/proxy/test_collector.ts";
import { TestProxy } from "../../../test/support/proxy/test_proxy.ts";
import { until } from "../../../test/support/time/until.ts";
import type { SessionFacts } from "../../mediation/session/session_rewriter.ts";
import type { ProxyOptions } from "../proxy_options.ts";

const SETTLE = 10_000;
const TEMPLATE = 256;

/** Relays, and tells of its template as the mediator does. */
class TellingRewriter extends RelayingRewriter {
  /** How often sessions were asked whether all their templates are known, which the verdict needs. */
  static looks = 0;

  constructor(facts: SessionFacts, skewed: boolean) {
    super(facts);
    this.skewed = skewed;
  }

  override get templatesKnown(): boolean {
    TellingRewriter.looks++;
    return super.templatesKnown;
  }

  override rewrite(input: Uint8Array, output: Uint8Array): Uint8Array {
    const known = super.templatesKnown;
    const octets = super.rewrite(input, output);
    if (known || !super.templatesKnown) return octets;
    const mapping = { source: { id: TEMPLATE, fields: [], scopeFieldCount: 0 }, fields: [] };
    const about = { observationDomain: 1, template: TEMPLATE, targetTemplate: TEMPLATE, replaced: false, mapping };
    this.facts.notify?.({ event: "template_mapped", outcome: this.skewed ? "rewritten" : "identity", ...about });
    return octets;
  }
}

interface Parts {
  readonly clock: StandingClock;
  readonly proxy: TestProxy;
  readonly collector: TestCollector;
  /** Whether the next exporters need rewriting. */
  skewed: boolean;
  /** A new exporter, which has a session. */
  connect(): Promise<Deno.TcpConn>;
  /** The same, which has announced its template. */
  announce(): Promise<Deno.TcpConn>;
}

async function withProxy(options: Partial<ProxyOptions>, run: (parts: Parts) => Promise<void>): Promise<void> {
  const clock = new StandingClock();
  const collector = new TestCollector();
  const exporters: Deno.TcpConn[] = [];
  let opened = 0;
  const proxy = new TestProxy(collector.port, {
    clock,
    skewSettle: SETTLE,
    mediator: { open: (facts) => (opened++, new TellingRewriter(facts, parts.skewed)) },
    ...options,
  });
  const parts: Parts = {
    clock,
    proxy,
    collector,
    skewed: false,
    async connect() {
      const before = opened;
      const exporter = await proxy.connect();
      exporters.push(exporter);
      await until("the session is open", () => opened > before);
      return exporter;
    },
    async announce() {
      const before = proxy.happened("template_mapped").length;
      const exporter = await parts.connect();
      await send(exporter, templateMessage());
      await until("the template is mapped", () => proxy.happened("template_mapped").length > before);
      return exporter;
    },
  };
  await proxy.proxy.start();
  try {
    await run(parts);
  } finally {
    for (const exporter of exporters) closeQuietly(exporter);
    await proxy.proxy.close();
    closeQuietly(collector);
  }
}

const words = ({ proxy }: Parts) => proxy.proxy.verdict().verdict;
const events = ({ proxy }: Parts) =>
  proxy.events.map(({ event }) => event).filter((event) => event.startsWith("skew_"));

Deno.test("fresh start with nobody: unknown, however long", () =>
  withProxy({}, async (parts) => {
    await parts.clock.advance(10 * SETTLE);
    assert.deepEqual(parts.proxy.proxy.verdict(), {
      verdict: "unknown",
      reason: "no exporter has connected yet",
    });
    assert.deepEqual(events(parts), []);
  }));

Deno.test("templates unread: unknown; all known and unchanged for the settle time: not needed, and reported", () =>
  withProxy({}, async (parts) => {
    await parts.announce();
    const silent = await parts.connect();
    const template = templateMessage();
    await send(silent, template.subarray(0, 7));
    await until("it is open", () => parts.proxy.happened("session_opened").length === 2);
    await parts.clock.advance(2 * SETTLE);
    assert.deepEqual(parts.proxy.proxy.verdict(), {
      verdict: "unknown",
      reason: "1 of 2 sessions has not announced all templates yet",
    });
    await send(silent, template.subarray(7));
    await until("it is mapped", () => parts.proxy.happened("template_mapped").length === 2);
    await parts.clock.advance(1_000);
    assert.equal(words(parts), "not_needed");
    const [over] = parts.proxy.happened("skew_over");
    assert.match(String(over?.fields["reason"]), /^both sessions are relayed unchanged/);
    assert.deepEqual([over?.fields["verdict"], over?.fields["sessions"], over?.fields["skewed"]], ["not_needed", 2, 0]);
  }));

Deno.test("a collector over udp: not needed only if a watch connection shows that it is there", async () => {
  const port = freePort();
  const collector = { transport: "udp", address: { hostname: "127.0.0.1", port } } as const;
  await withProxy({ collector }, async (parts) => {
    await parts.announce();
    await parts.clock.advance(2 * SETTLE);
    assert.deepEqual(parts.proxy.proxy.verdict(), {
      verdict: "unknown",
      reason: `over udp nothing shows that the collector 127.0.0.1:${port} is there: set collector.watch`,
    });
    assert.deepEqual(events(parts), []);
  });
  const process = new TestCollector();
  const watch = { hostname: "127.0.0.1", port: process.port };
  await withProxy({ collector: { ...collector, watch }, watch: true }, async (parts) => {
    await until("it is watched", () => process.connections.length === 1);
    await parts.announce();
    await parts.clock.advance(2 * SETTLE);
    assert.equal(words(parts), "not_needed");
  });
  process.close();
});

Deno.test("skew is reported when the template is mapped, between two ticks", () =>
  withProxy({}, async (parts) => {
    parts.skewed = true;
    await parts.announce();
    assert.deepEqual(events(parts), ["skew_seen"]);
    assert.equal(words(parts), "needed");
    assert.notEqual(parts.proxy.proxy.skew.lastSeen, undefined);
  }));

Deno.test("Agents that connect at once cost no look at all sessions for each of their templates", () =>
  withProxy({}, async (parts) => {
    parts.skewed = true;
    TellingRewriter.looks = 0;
    for (let agent = 0; agent < 20; agent++) await parts.announce();
    assert.deepEqual(events(parts), ["skew_seen"]);
    assert.ok(TellingRewriter.looks <= 2 * 20, `sessions were looked at ${TellingRewriter.looks} times`);
  }));

Deno.test("an Agent that comes and goes every 0.3 s needs the proxy all the time, which is reported once", () =>
  withProxy({}, async (parts) => {
    await parts.announce();
    parts.skewed = true;
    for (let round = 0; round < 20; round++) {
      const agent = await parts.announce();
      agent.close();
      await until("it is gone", () => parts.proxy.happened("session_closed").length === round + 1);
      await parts.clock.advance(300, 300);
      assert.equal(words(parts), "needed", `round ${round}`);
    }
    assert.deepEqual(events(parts), ["skew_seen"]);
    await parts.clock.advance(SETTLE);
    assert.equal(words(parts), "not_needed");
    assert.deepEqual(events(parts), ["skew_seen", "skew_over"]);
  }));

Deno.test("a session that is skewed at its end counts as skewed, even if no event reported it", () =>
  withProxy({ mediator: { open: (facts) => new RelayingRewriter(facts) } }, async (parts) => {
    const rewriters: RelayingRewriter[] = [];
    const mediator = {
      open: (facts: SessionFacts) => {
        const rewriter = new RelayingRewriter(facts);
        rewriter.skewed = true;
        rewriters.push(rewriter);
        return rewriter;
      },
    };
    const proxy = new TestProxy(parts.collector.port, { clock: parts.clock, mediator });
    await proxy.proxy.start();
    const agent = await proxy.connect();
    await send(agent, join(templateMessage(), dataMessage(0)));
    await until("it arrived", () => parts.collector.records().length === 1);
    agent.close();
    await until("it has ended", () => proxy.happened("session_closed").length === 1);
    assert.notEqual(proxy.proxy.skew.lastSeen, undefined);
    assert.equal(proxy.proxy.verdict().verdict, "needed");
    await proxy.proxy.close();
  }));

Deno.test("collector away, and the sessions closed by hold: what was skewed is still needed", () =>
  withProxy({ limits: { hold: 5_000 } }, async (parts) => {
    parts.skewed = true;
    await parts.announce();
    parts.collector.close();
    await until("it is lost", () => parts.proxy.happened("collector_lost").length === 1);
    await parts.clock.advanceUntil("hold closes it", () => parts.proxy.happened("session_closed").length === 1, 100);
    assert.equal(parts.proxy.outcome(), "collector_unavailable");
    await parts.clock.advance(60 * SETTLE);
    const { verdict, reason } = parts.proxy.proxy.verdict();
    assert.deepEqual([verdict, reason], [
      "needed",
      "1 exporter that needed rewriting was closed because the collector was unreachable, and not all have come back",
    ]);
  }));

Deno.test("collector away, and the sessions closed by hold needed nothing: unknown, with the reason", () =>
  withProxy({ limits: { hold: 5_000 } }, async (parts) => {
    await parts.announce();
    await parts.clock.advance(2 * SETTLE);
    assert.equal(words(parts), "not_needed");
    parts.collector.close();
    await until("it is lost", () => parts.proxy.happened("collector_lost").length === 1);
    assert.equal(words(parts), "unknown", "at once");
    await parts.clock.advanceUntil("hold closes it", () => parts.proxy.happened("session_closed").length === 1, 100);
    await parts.clock.advance(60 * SETTLE);
    const { verdict, reason } = parts.proxy.proxy.verdict();
    assert.equal(verdict, "unknown");
    assert.match(reason, /^the collector 127\.0\.0\.1:\d+ is unreachable/);
  }));

Deno.test("a storm of 40 exporters that reconnect, with sessions: 50 and a collector that never closes: nobody is refused", async () => {
  // As go-ipfix v0.5.7 to v0.11: it reads to the end and leaves its side open.
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const held: Deno.Conn[] = [];
  void (async () => {
    try {
      for await (const socket of listener) {
        held.push(socket);
        void (async () => {
          const view = new Uint8Array(65536);
          while ((await socket.read(view).catch(() => null)) !== null);
        })();
      }
    } catch { /* closed */ }
  })();
  const clock = new StandingClock();
  let skewed = true;
  const proxy = new TestProxy(listener.addr.port, {
    clock,
    skewSettle: SETTLE,
    limits: { sessions: 50 },
    mediator: { open: (facts) => new TellingRewriter(facts, skewed) },
  });
  await proxy.proxy.start();
  const { proxy: { counters } } = proxy;
  let exporters: Deno.TcpConn[] = [];
  try {
    for (let round = 1; round <= 4; round++) {
      exporters = await Promise.all(Array.from({ length: 40 }, () => proxy.connect()));
      await Promise.all(exporters.map((exporter) => send(exporter, templateMessage())));
      await until("all are mapped", () => proxy.happened("template_mapped").length === 40 * round);
      assert.deepEqual([...proxy.proxy.sessions()].filter(({ closing }) => !closing).length, 40);
      if (round < 4) { for (const exporter of exporters) exporter.close(); }
      if (round < 4) await until("all have left", () => [...proxy.proxy.sessions()].every(({ closing }) => closing));
      // Closing sessions wait for a collector that does not close; past a bound the oldest no longer do.
      await until("closing sessions are bounded", () => [...proxy.proxy.sessions()].length <= 90);
      skewed = round < 3;
      if (round === 3) assert.match(proxy.proxy.verdict().reason, /^a session needed rewriting at/);
    }
    assert.equal(counters.sessions.get("tcp")?.get("refused"), undefined);
    assert.deepEqual(proxy.happened("session_refused"), []);
    await clock.advance(SETTLE + 1_000);
    assert.equal(proxy.proxy.verdict().verdict, "not_needed", "sessions that are gone need nothing");
  } finally {
    for (const exporter of exporters) closeQuietly(exporter);
    listener.close();
    for (const socket of held) closeQuietly(socket);
    await proxy.proxy.close();
    await turn();
  }
});

Deno.test("exporters that the limit keeps out may need rewriting: unknown", () =>
  withProxy({ limits: { sessions: 1 } }, async (parts) => {
    await parts.announce();
    await parts.clock.advance(2 * SETTLE);
    assert.equal(words(parts), "not_needed");
    const refused = await parts.proxy.connect();
    await until("it is refused", () => parts.proxy.happened("session_refused").length === 1);
    refused.close();
    assert.deepEqual(parts.proxy.proxy.verdict(), {
      verdict: "unknown",
      reason: "1 exporter was refused when limits.sessions (1) was reached",
    });
  }));
