import assert from "node:assert/strict";
import { skewedMapping } from "../../../test/support/fake_view.ts";
import { dataMessage, join, templateMessage } from "../../../test/support/proxy/proxy_messages.ts";
import { send } from "../../../test/support/proxy/sockets.ts";
import { StandingClock } from "../../../test/support/time/standing_clock.ts";
import { TestCollector } from "../../../test/support/proxy/test_collector.ts";
import { TestProxy } from "../../../test/support/proxy/test_proxy.ts";
import { until } from "../../../test/support/time/until.ts";
import type { TemplateState } from "../../mediation/session/session_rewriter.ts";
import { Counters } from "../../mediation/templates/counters.ts";
import { EndedSessions, type EndingSession } from "./ended_sessions.ts";

function ending(id: number, fill: (counters: Counters) => void = () => {}): EndingSession {
  const counters = new Counters();
  fill(counters);
  const openedAt = new Date(0);
  return {
    id: String(id),
    peer: "10.0.0.1:1",
    transport: "tcp",
    certificateName: undefined,
    collector: undefined,
    openedAt,
    observed: false,
    counters,
    observedCounters: new Counters(),
    rewrittenCounters: counters,
  };
}

function state(template: number, mapping = skewedMapping()): TemplateState {
  return { observationDomain: 7, template, targetTemplate: template, outcome: "rewritten", mapping, records: 3 };
}

const ids = (kept: EndedSessions) => kept.all().map(({ id }) => id);

Deno.test("an ended session is kept for an hour, newest first", async () => {
  const clock = new StandingClock();
  const kept = new EndedSessions(clock);
  kept.add(ending(1), "closed", [state(256)]);
  await clock.advance(1_800_000, 1_800_000);
  kept.add(ending(2), "reset", [{ ...state(256), outcome: "identity" }]);
  assert.deepEqual(ids(kept), ["2", "1"]);
  assert.deepEqual(kept.get("1")?.templates().map(({ template, records }) => [template, records]), [[256, 3]]);
  assert.deepEqual([kept.get("1")?.skewed, kept.get("2")?.skewed], [true, false]);
  assert.deepEqual([kept.get("2")?.outcome, kept.get("2")?.endedAt], ["reset", new Date(1_800_000)]);
  await clock.advance(1_800_000, 1_800_000);
  assert.deepEqual(ids(kept), ["2"]);
  assert.equal(kept.get("1"), undefined);
  await clock.advance(1_800_000, 1_800_000);
  assert.deepEqual([kept.get("2"), kept.octets], [undefined, 0]);
});

Deno.test("the number of ended sessions is bounded: the oldest are removed", () => {
  const kept = new EndedSessions(new StandingClock(), { sessions: 3 });
  for (let id = 1; id <= 10; id++) kept.add(ending(id), "closed", []);
  assert.deepEqual(ids(kept), ["10", "9", "8"]);
});

Deno.test("ended sessions are bounded in octets, whatever they counted and announced", () => {
  const octets = 200_000;
  const kept = new EndedSessions(new StandingClock(), { octets });
  const many = (counters: Counters) => {
    for (let element = 0; element < 256; element++) counters.fieldsStripped.add(`99/${element}`, 1);
  };
  for (let id = 1; id <= 100; id++) kept.add(ending(id, many), "closed", [state(256)]);
  assert.ok(kept.octets <= octets && kept.all().length >= 2 && kept.all().length < 10, `${kept.all().length}`);

  // A mapping counts once, however many sessions share it.
  const shared = skewedMapping();
  const sharing = new EndedSessions(new StandingClock(), { octets });
  for (let id = 1; id <= 20; id++) sharing.add(ending(id), "closed", [state(256, shared)]);
  const own = new EndedSessions(new StandingClock(), { octets });
  for (let id = 1; id <= 20; id++) own.add(ending(id), "closed", [state(256)]);
  assert.ok(sharing.octets < own.octets, `${sharing.octets}, ${own.octets}`);
});

Deno.test("of a session's thousands of templates the first are kept, and of a template of thousands of fields no mapping", () => {
  const kept = new EndedSessions(new StandingClock());
  const templates = Array.from({ length: 5_000 }, (_, at) => state(256 + at));
  kept.add(ending(1), "closed", templates);
  assert.deepEqual([kept.get("1")?.templates().length, kept.get("1")?.moreTemplates], [32, 4_968]);
  const { source, fields } = skewedMapping();
  const [field] = source.fields;
  assert.ok(field !== undefined);
  const long = { source: { ...source, fields: Array.from({ length: 16_000 }, () => field) }, fields };
  kept.add(ending(2), "closed", [state(256, long)]);
  assert.deepEqual(kept.get("2")?.templates().map((each) => [each.template, each.mapping]), [[256, undefined]]);
});

Deno.test("lost values are forgotten with the others, once the configuration keeps none", () => {
  const kept = new EndedSessions(new StandingClock());
  const session = ending(1, (counters) => {
    counters.informationLost.add("httpVals", 1);
    counters.noteLostValue("httpVals", { type: "string", length: 1, octets: Uint8Array.of(120) });
  });
  kept.add(session, "closed", []);
  assert.equal(kept.get("1")?.counters.lostValues.size, 1);
  kept.forgetLostValues();
  assert.equal(kept.get("1")?.counters.lostValues.size, 0);
});

Deno.test("a proxy keeps its sessions as they ended, but no health probes", async () => {
  const collector = new TestCollector();
  const clock = new StandingClock();
  const proxy = new TestProxy(collector.port, { clock });
  await proxy.proxy.start();
  try {
    const probe = await proxy.connect();
    await until("the probe is accepted", () => proxy.open === 1);
    probe.close();
    await until("the probe is gone", () => proxy.open === 0);
    const exporter = await proxy.connect();
    await send(exporter, join(templateMessage(), dataMessage(0)));
    await until("its record has arrived", () => collector.records().length === 1);
    exporter.close();
    await until("it is gone", () => proxy.open === 0);
    const kept = proxy.proxy.endedSessions().map((
      { id, outcome, counters },
    ) => [id, outcome, counters.messagesReceived]);
    assert.deepEqual(kept, [["2", "closed", 2]]);
    assert.equal(proxy.proxy.session("2"), undefined);
    assert.equal(proxy.proxy.endedSession("2")?.peer, proxy.happened("session_closed")[1]?.fields.peer);
  } finally {
    await proxy.proxy.close();
    collector.close();
  }
});
