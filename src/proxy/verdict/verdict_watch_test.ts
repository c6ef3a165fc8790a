import assert from "node:assert/strict";
import { StandingClock } from "../../../test/support/time/standing_clock.ts";
import { AbsentExporters } from "./absent_exporters.ts";
import type { SessionEvidence } from "./verdict.ts";
import { type Sight, VerdictWatch } from "./verdict_watch.ts";

const UP = { address: "10.0.0.9:4739", up: true, tried: true };
const AWAY = { ...UP, up: false, reason: "Connection refused" };

function fixture(settle = 10_000) {
  const clock = new StandingClock();
  const watch = new VerdictWatch(settle, clock);
  const sight: Sight = { sessions: { open: 3, skewed: 0, observed: 0, unread: 0 }, collector: UP };
  const look = (sessions: Partial<SessionEvidence> = {}, more: Partial<Sight> = {}) =>
    watch.look({ ...sight, sessions: { ...sight.sessions, ...sessions }, ...more });
  /** Looks every second, as the proxy does. */
  const pass = async (seconds: number, sessions?: Partial<SessionEvidence>, more?: Partial<Sight>) => {
    for (let second = 0; second < seconds; second++) {
      look(sessions, more);
      await clock.advance(1_000);
    }
    return look(sessions, more);
  };
  return { clock, watch, look, pass };
}

Deno.test("needed while a session needs rewriting, and for the settle time after", async () => {
  const { look, pass } = fixture();
  assert.deepEqual(look({ skewed: 2 }), { verdict: "needed", reason: "2 of 3 sessions need rewriting" });
  assert.equal(look({ open: 1, skewed: 1 }).reason, "1 of 1 session needs rewriting");
  assert.equal(
    look({ skewed: 1, observed: 1 }).reason,
    "1 of 3 sessions would need rewriting, but is only observed",
  );
  assert.equal(look({ skewed: 2, observed: 1 }).reason, "2 of 3 sessions need rewriting; 1 of them is only observed");
  assert.deepEqual(await pass(9), {
    verdict: "needed",
    reason: "a session needed rewriting at 1970-01-01 00:00:00 UTC; " +
      "the proxy keeps watching until 1970-01-01 00:00:10 UTC",
  });
  assert.deepEqual(await pass(1), {
    verdict: "not_needed",
    reason: "all 3 sessions are relayed unchanged, and none has needed rewriting since 1970-01-01 00:00:00 UTC",
  });
  assert.equal(look({ skewed: 1 }, { collector: AWAY }).verdict, "needed", "whatever else there is");
});

Deno.test("needed while a session is converted between gRPC and IPFIX, whatever its templates", async () => {
  const { look, pass } = fixture();
  assert.deepEqual(look({ converted: 2 }), {
    verdict: "needed",
    reason: "2 of 3 sessions are converted between gRPC and IPFIX, because the collector accepts only the other one",
  });
  assert.match(look({ open: 1, converted: 1 }).reason, /^1 of 1 session is converted/);
  assert.equal((await pass(9)).verdict, "needed", "for the settle time after");
  assert.equal((await pass(1)).verdict, "not_needed");
});

Deno.test("a proxy that has just started knows nothing until it has seen enough", async () => {
  const { look, pass } = fixture();
  assert.equal(look().verdict, "unknown");
  assert.match(
    (await pass(9)).reason,
    /^no session needs rewriting so far; the proxy keeps watching until .*00:00:10 UTC/,
  );
  assert.match((await pass(1)).reason, /^all 3 .* none has needed rewriting since the proxy started$/);
});

Deno.test("unknown whatever the time, with the reason, where not all exporters are in sight", async () => {
  const { look, pass, watch, clock } = fixture();
  const reason = (verdict: { verdict: string; reason: string }) => {
    assert.equal(verdict.verdict, "unknown");
    return verdict.reason;
  };
  assert.equal(reason(await pass(60, { open: 0 })), "no exporter has connected yet");
  assert.equal(reason(await pass(60, { unread: 1 })), "1 of 3 sessions has not announced all templates yet");
  assert.equal(
    reason(await pass(60, { open: 0 }, { collector: AWAY })),
    "the collector 10.0.0.9:4739 is unreachable: Connection refused",
  );
  assert.match(reason(look({}, { collector: { ...UP, up: false, tried: false } })), /has not been reached yet$/);
  assert.equal((await pass(20)).verdict, "not_needed");
  watch.leave("10.1.2.3", { skewed: false, abandoned: false });
  await clock.advance(1_000);
  assert.equal(reason(look({ open: 0 })), "no exporter is connected; the last one left at 1970-01-01 00:03:20 UTC");
});

Deno.test("a collector over udp that nothing watches may not be there: never not needed", async () => {
  const { look, pass } = fixture();
  const unwatched = { collector: { ...UP, unwatched: true } };
  assert.deepEqual(await pass(60, {}, unwatched), {
    verdict: "unknown",
    reason: "over udp nothing shows that the collector 10.0.0.9:4739 is there: set collector.watch",
  });
  assert.equal(look({ skewed: 1 }, unwatched).verdict, "needed", "whatever the collector");
  assert.equal((await pass(10)).verdict, "not_needed", "a watch connection shows it");
});

Deno.test("another profile waits for the collector's restart: not known before what that needs, then watched", async () => {
  const { look, pass } = fixture();
  const waiting = { collector: { ...UP, nextProfile: "antrea/v2.0" } };
  assert.equal((await pass(20)).verdict, "not_needed");
  assert.deepEqual(await pass(60, {}, waiting), {
    verdict: "unknown",
    reason: "the collector 10.0.0.9:4739 is to be antrea/v2.0 once it restarts, and sessions may need rewriting then",
  });
  assert.equal(look({ skewed: 1 }, waiting).verdict, "needed");
  await pass(20, {}, waiting);
  assert.equal((await pass(9)).verdict, "unknown", "it holds now, and sessions show what they need");
  assert.equal((await pass(1)).verdict, "not_needed");
});

Deno.test("an exporter that is kept out may need rewriting: unknown until it gets in, or no longer tries", async () => {
  const { look, pass, watch } = fixture();
  await pass(20);
  watch.reject({ why: "handshake", address: "10.1.2.3", reason: "it shows no certificate" });
  assert.deepEqual(look(), {
    verdict: "unknown",
    reason: "the TLS handshake of exporter 10.1.2.3 fails: it shows no certificate",
  });
  watch.reject({ why: "handshake", address: "10.1.2.4", reason: "it hung up" });
  watch.reject({ why: "handshake", address: "10.1.2.3", reason: "it shows no certificate" });
  assert.match(look().reason, /^the TLS handshakes of 2 exporters fail, last that of 10\.1\.2\.3: it shows/);
  watch.arrive("10.1.2.3");
  assert.equal((await pass(20)).verdict, "unknown");
  watch.arrive("10.1.2.4");
  assert.equal((await pass(9)).verdict, "unknown", "it may turn out to need rewriting");
  assert.equal((await pass(1)).verdict, "not_needed");
  watch.reject({ why: "limit", address: "10.1.2.5", reason: "limits.sessions (50)" });
  assert.equal(
    look().reason,
    "1 exporter was refused when limits.sessions (50) was reached",
    "there may be room again by now",
  );
  assert.equal((await pass(59)).verdict, "unknown");
  assert.equal((await pass(12)).verdict, "not_needed");
});

Deno.test("an exporter that the proxy closed for lack of a collector has not stopped being skewed", async () => {
  const { look, pass, watch } = fixture();
  look({ skewed: 1 });
  watch.leave("10.1.2.3", { skewed: true, abandoned: true });
  watch.leave("10.1.2.4", { skewed: false, abandoned: true });
  const hour = await pass(3600, { open: 0 }, { collector: AWAY });
  assert.equal(hour.verdict, "needed");
  assert.match(hour.reason, /^1 exporter that needed rewriting was closed because the collector was unreachable/);
  // The collector is back, and so is an exporter that never needed rewriting.
  watch.arrive("10.1.2.4");
  assert.equal((await pass(60, { open: 1 })).verdict, "needed");
  watch.arrive("10.1.2.3");
  assert.equal((await pass(9, { open: 2 })).verdict, "needed", "it may announce the same templates again");
  assert.equal((await pass(1, { open: 2 })).verdict, "not_needed", "it was upgraded meanwhile");
});

Deno.test("exporters that never come back after an outage are forgotten in the end", async () => {
  const { pass, watch } = fixture();
  watch.leave("10.1.2.3", { skewed: false, abandoned: true });
  assert.match((await pass(299)).reason, /^1 exporter was closed because the collector was unreachable, and not all/);
  assert.equal((await pass(12)).verdict, "not_needed");
});

Deno.test("a skewed exporter that never comes back keeps the proxy needed for five minutes, and the reason says so", async () => {
  const { pass, look, watch } = fixture();
  watch.leave("10.1.2.3", { skewed: true, abandoned: true });
  const away = await pass(600, { open: 0 }, { collector: AWAY });
  assert.match(away.reason, /and not all have come back$/, "no end while the collector is away");
  const back = await pass(298);
  assert.deepEqual([back.verdict, back.reason], [
    "needed",
    "1 exporter that needed rewriting was closed because the collector was unreachable, and not all have come back; " +
    "the proxy waits for them until 1970-01-01 00:15:00 UTC",
  ]);
  assert.equal(look({}, { collector: AWAY }).verdict, "needed");
  assert.match((await pass(290)).reason, /waits for them until 1970-01-01 00:19:58 UTC$/, "from its last return on");
  assert.equal((await pass(11)).verdict, "unknown", "those that are there have to settle");
  assert.equal((await pass(10)).verdict, "not_needed");
});

Deno.test("a certificate that is not valid leaves it unknown whether exporters are locked out", () => {
  const { watch } = fixture();
  const sight = {
    collector: { address: "c", up: true, tried: true },
    sessions: { open: 1, skewed: 0, unread: 0, observed: 0 },
  };
  const certificateFault = "the listener's certificate (CN=a) expired at noon: exporters that check it refuse it";
  assert.deepEqual(watch.look({ ...sight, certificateFault }), { verdict: "unknown", reason: certificateFault });
  assert.deepEqual(
    watch.look({ ...sight, certificateFault, sessions: { open: 1, skewed: 1, unread: 0, observed: 0 } }).verdict,
    "needed",
  );
});

Deno.test("each event is reported once, until the other is true; unknown reports neither", () => {
  const { watch } = fixture();
  const news = (verdict: "needed" | "not_needed" | "unknown") => watch.news({ verdict, reason: "" });
  assert.deepEqual(
    [news("unknown"), news("needed"), news("needed"), news("unknown"), news("needed")],
    [undefined, "skew_seen", undefined, undefined, undefined],
  );
  assert.deepEqual([news("not_needed"), news("unknown"), news("not_needed")], ["skew_over", undefined, undefined]);
  assert.equal(news("needed"), "skew_seen");
});

Deno.test("a scan from many addresses does not grow the process", () => {
  const absent = new AbsentExporters();
  for (let address = 0; address < 20_000; address++) {
    absent.reject({ why: "handshake", address: String(address), reason: "it hung up" }, 0);
    absent.abandon(String(address), false, 0);
  }
  assert.equal(absent.rejected("handshake")?.exporters, 8192);
  assert.equal(absent.rejected("handshake")?.last.address, "19999");
  assert.equal(absent.abandoned().exporters, 8192);
});

Deno.test("the settle time begins at the first look that sees all exporters, however long ago the one before was", async () => {
  const { clock, look, pass } = fixture();
  look({}, { collector: AWAY });
  await clock.advance(60_000);
  assert.equal(look().verdict, "unknown");
  assert.equal((await pass(9)).verdict, "unknown");
  assert.equal((await pass(1)).verdict, "not_needed");
});
