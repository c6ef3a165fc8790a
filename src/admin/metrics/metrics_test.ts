import assert from "node:assert/strict";
import { Counters } from "../../mediation/templates/counters.ts";
import { REJECT_REASONS } from "../../ipfix/octets/decode_error.ts";
import { TRANSPORT_PROTOCOLS } from "../../ipfix/message/transport_protocol.ts";
import { increment } from "../../mediation/templates/counters.ts";
import { DROP_REASONS, REFERENCE_FAULTS } from "../../mediation/templates/event.ts";
import { FakeView, skewedSession } from "../../../test/support/fake_view.ts";
import { createMetrics } from "./metrics.ts";

/** Series as `name{labels}` → value, and metrics as name → type. Refuses what is no line of the text format. */
function parse(text: string): { series: Map<string, number>; types: Map<string, string>; helps: Map<string, string> } {
  const series = new Map<string, number>();
  const types = new Map<string, string>();
  const helps = new Map<string, string>();
  for (const line of text.split("\n").filter((line) => line !== "")) {
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind === "HELP") helps.set(name, rest);
    else if (kind === "TYPE") types.set(name, rest);
    else {
      const sample = /^([a-z_]+(?:\{.*\})?) (\S+)$/.exec(line);
      assert.ok(sample?.[1] !== undefined, line);
      assert.ok(!series.has(sample[1]), `twice: ${line}`);
      series.set(sample[1], Number(sample[2]));
    }
  }
  return { series, types, helps };
}

Deno.test("writes of the template cache are counted by outcome where there is one", async () => {
  const view = new FakeView();
  const written = 'ipfix_proxy_template_cache_writes_total{outcome="written"}';
  assert.equal((await scrape(view)).series.has(written), false);
  view.templateCache = { writes: { written: 3, failed: 2 }, fault: undefined };
  const { series } = await scrape(view);
  assert.equal(series.get(written), 3);
  assert.equal(series.get('ipfix_proxy_template_cache_writes_total{outcome="failed"}'), 2);
});

Deno.test("the memory limit and how much of it is left are there where the process' memory is limited", async () => {
  const view = new FakeView();
  assert.equal((await scrape(view)).series.has("ipfix_proxy_memory_limit_octets"), false);
  view.memory = { limit: 400, resident: 350, state: "tight" };
  const { series } = await scrape(view);
  assert.equal(series.get("ipfix_proxy_memory_limit_octets"), 400);
  assert.deepEqual(
    ["ample", "tight", "full"].map((state) => series.get(`ipfix_proxy_memory_state{state="${state}"}`)),
    [0, 1, 0],
  );
});

const scrape = async (view: FakeView) => parse(await createMetrics(view).scrape());

Deno.test("every name of the contract is there, with its type, its labels and a HELP", async () => {
  const view = new FakeView();
  view.open.push(skewedSession("1"));
  increment(view.ended.pluginErrors, "pad-missing");
  for (const counts of [view.ended.fieldsPadded, view.ended.fieldsStripped, view.ended.informationLost]) {
    increment(counts, "httpVals");
  }
  view.certificates.push(
    { role: "listener", validFrom: new Date(1_000), expiresAt: new Date(9_000) },
    { role: "listener", validFrom: new Date(2_000), expiresAt: new Date(5_000) },
  );
  const { series, types, helps } = await scrape(view);
  const contract: Record<string, [type: string, ...labels: string[]]> = {
    sessions: ["gauge", "transport"],
    sessions_total: ["counter", "transport", "outcome"],
    closing_sessions: ["gauge"],
    skewed_sessions: ["gauge"],
    verdict: ["gauge", "verdict"],
    handshake_failures_total: ["counter", "reason"],
    config_last_reload_successful: ["gauge"],
    messages_total: ["counter", "direction"],
    records_total: ["counter", "direction"],
    octets_total: ["counter", "direction"],
    records_dropped_total: ["counter", "reason"],
    messages_rejected_total: ["counter", "reason"],
    templates_total: ["counter", "outcome"],
    fields_stripped_total: ["counter", "element"],
    fields_padded_total: ["counter", "element"],
    information_lost_records_total: ["counter", "element"],
    reference_faults_total: ["counter", "fault"],
    collector_up: ["gauge"],
    collector_connections_total: ["counter", "outcome"],
    collector_replayed_templates_total: ["counter"],
    held_octets: ["gauge"],
    log_lines_dropped_total: ["counter"],
    plugin_errors_total: ["counter", "plugin"],
    exporter_sequence_gaps_total: ["counter"],
    config_reloads_total: ["counter", "outcome"],
    certificate_expiry_timestamp_seconds: ["gauge", "role"],
    certificate_valid_from_timestamp_seconds: ["gauge", "role"],
    build_info: ["gauge", "version", "deno"],
  };
  for (const [name, [type, ...labels]] of Object.entries(contract)) {
    assert.equal(types.get(`ipfix_proxy_${name}`), type, name);
    assert.ok((helps.get(`ipfix_proxy_${name}`) ?? "").length > 20, name);
    const found = [...series.keys()].filter((key) => key.replace(/\{.*/, "") === `ipfix_proxy_${name}`);
    assert.ok(found.length > 0, `no series of ${name}`);
    for (const key of found) {
      assert.deepEqual([...key.matchAll(/(\w+)="/g)].map(([, label]) => label).sort(), labels.sort(), key);
    }
  }
  assert.equal(series.get('ipfix_proxy_sessions{transport="tcp"}'), 1);
  assert.equal(series.get('ipfix_proxy_sessions{transport="udp"}'), 0);
  assert.equal(series.get("ipfix_proxy_skewed_sessions"), 1);
  assert.equal(series.get('ipfix_proxy_sessions_total{transport="tcp",outcome="closed"}'), 7);
  assert.equal(series.get('ipfix_proxy_certificate_expiry_timestamp_seconds{role="listener"}'), 5);
  assert.equal(series.get('ipfix_proxy_certificate_valid_from_timestamp_seconds{role="listener"}'), 2);
  assert.equal(series.get(`ipfix_proxy_build_info{version="1.2.3",deno="${Deno.version.deno}"}`), 1);
});

Deno.test("what observed sessions would lose is not lost", async () => {
  const view = new FakeView();
  const [lost, would] = [new Counters(), new Counters()];
  lost.informationLost.add("egressName", 2);
  would.informationLost.add("egressName", 3);
  view.counted = function* () {
    yield { counters: lost, observed: false };
    yield { counters: would, observed: true };
  };
  const { series } = await scrape(view);
  assert.equal(series.get('ipfix_proxy_information_lost_records_total{element="egressName"}'), 2);
  assert.equal(series.get('ipfix_proxy_information_would_be_lost_records_total{element="egressName"}'), 3);
});

Deno.test("every reason is a series from the start, so that its first increase is seen", async () => {
  const { series } = await scrape(new FakeView());
  for (const reason of DROP_REASONS) {
    assert.equal(series.get(`ipfix_proxy_records_dropped_total{reason="${reason}"}`), 0, reason);
  }
  for (const reason of REJECT_REASONS) {
    assert.equal(series.get(`ipfix_proxy_messages_rejected_total{reason="${reason}"}`), 0, reason);
  }
  for (const transport of TRANSPORT_PROTOCOLS) {
    assert.equal(series.get(`ipfix_proxy_sessions_total{transport="${transport}",outcome="refused"}`), 0, transport);
  }
  for (const fault of REFERENCE_FAULTS) {
    assert.equal(series.get(`ipfix_proxy_reference_faults_total{fault="${fault}"}`), 0, fault);
  }
});

Deno.test("the verdict is one of three series; sessions whose exporter has gone are a figure of their own", async () => {
  const view = new FakeView();
  view.open = [skewedSession("1", { skewed: false }), skewedSession("2", { closing: true })];
  view.verdict = { verdict: "unknown", reason: "no exporter is connected" };
  view.refusedConfiguration = { since: new Date(), mistakes: ["wrong"] };
  const { series } = await scrape(view);
  const verdicts = ["needed", "not_needed", "unknown"].map((each) =>
    series.get(`ipfix_proxy_verdict{verdict="${each}"}`)
  );
  assert.deepEqual(verdicts, [0, 0, 1]);
  assert.equal(series.get('ipfix_proxy_sessions{transport="tcp"}'), 1);
  assert.equal(series.get("ipfix_proxy_closing_sessions"), 1);
  assert.equal(series.get("ipfix_proxy_skewed_sessions"), 0);
  assert.equal(series.get("ipfix_proxy_config_last_reload_successful"), 0);
});

Deno.test("observed sessions have a figure of their own, and their losses are what rewriting would lose", async () => {
  const view = new FakeView();
  view.open.push(skewedSession("1", { observed: true }), skewedSession("2"));
  view.open.push(skewedSession("3", { observed: true, closing: true }));
  for (const mode of ["rewrite", "observe"] as const) {
    view.mode = mode;
    assert.match(await createMetrics(view).scrape(), /^ipfix_proxy_observed_sessions 1$/m, mode);
  }
});

Deno.test("a time that never came is absent, not 0", async () => {
  const view = new FakeView();
  view.collector = { ...view.collector, state: "idle", up: false };
  const metrics = createMetrics(view);
  for (const name of ["skew_last_seen_timestamp_seconds", "collector_up"]) {
    assert.ok(!parse(await metrics.scrape()).series.has(`ipfix_proxy_${name}`), name);
  }
  view.collector = { ...view.collector, state: "away" };
  assert.equal(parse(await metrics.scrape()).series.get("ipfix_proxy_collector_up"), 0);
  view.skew = { ...view.skew, lastSeen: new Date(7_000) };
  assert.equal(parse(await metrics.scrape()).series.get("ipfix_proxy_skew_last_seen_timestamp_seconds"), 7);
});

Deno.test("counters continue over the end of a session, and every scrape reads current values", async () => {
  const view = new FakeView();
  const session = skewedSession("1");
  view.open.push(session);
  const metrics = createMetrics(view);
  const sent = async () => parse(await metrics.scrape()).series.get('ipfix_proxy_records_total{direction="sent"}');
  assert.equal(await sent(), 0);
  session.counters.recordsSent = 10;
  assert.equal(await sent(), 10);
  view.open.pop();
  view.ended.add(session.counters);
  assert.equal(await sent(), 10);
  view.open.push(skewedSession("2"));
  view.open[0]?.counters && (view.open[0].counters.recordsSent = 3);
  assert.equal(await sent(), 13);
  assert.equal(await sent(), 13);
});

Deno.test("two scrapes at once see the same", async () => {
  const view = new FakeView();
  view.ended.messagesSent = 21;
  const metrics = createMetrics(view);
  for (const text of await Promise.all([metrics.scrape(), metrics.scrape()])) {
    assert.equal(parse(text).series.get('ipfix_proxy_messages_total{direction="sent"}'), 21);
  }
});

Deno.test("elements that exporters make up stay few series; their sum stays right and never falls", async () => {
  const view = new FakeView();
  const metrics = createMetrics(view);
  let before = new Map<string, number>();
  for (let round = 0; round < 3; round++) {
    for (let id = 0; id < 500; id++) increment(view.ended.fieldsStripped, `${7 + round}/${id}`);
    increment(view.ended.fieldsStripped, "httpVals");
    const { series } = parse(await metrics.scrape());
    const stripped = new Map([...series].filter(([key]) => key.startsWith("ipfix_proxy_fields_stripped_total")));
    assert.equal(stripped.size, 64 + 2);
    assert.equal([...stripped.values()].reduce((sum, value) => sum + value), 501 * (round + 1));
    for (const [key, value] of before) assert.ok((stripped.get(key) ?? -1) >= value, key);
    before = stripped;
  }
  assert.equal(before.get('ipfix_proxy_fields_stripped_total{element="httpVals"}'), 3);
});

Deno.test("no label carries a peer's address, no element name breaks out of its label", async () => {
  const view = new FakeView();
  view.open.push(skewedSession("1"));
  increment(view.ended.fieldsStripped, 'a"} 7\nb\\');
  const text = await createMetrics(view).scrape();
  assert.ok(!text.includes("10.1.2.3"));
  assert.ok(text.includes('ipfix_proxy_fields_stripped_total{element="a\\"} 7\\nb\\\\"} 1'));
});

Deno.test("process metrics are those of this process", async () => {
  const view = new FakeView();
  const { series } = await scrape(view);
  assert.ok((series.get("process_resident_memory_bytes") ?? 0) > 10e6);
  assert.ok((series.get("process_heap_bytes") ?? 0) > 1e6);
  const cpu = series.get("process_cpu_seconds_total") ?? 0;
  assert.ok(cpu > 0.01 && cpu < 10_000, String(cpu));
  assert.equal(series.get("process_start_time_seconds"), view.startedAt.getTime() / 1000);
});
