import assert from "node:assert/strict";
import { Counters, increment } from "../../mediation/templates/counters.ts";
import { createAdmin } from "../admin.ts";
import { identity } from "../../mediation/mapping/template_mapping.ts";
import { endedSession, FakeView, skewedMapping, skewedSession } from "../../../test/support/fake_view.ts";
import { RecentEvents } from "../view/recent_events.ts";

const BASE = "http://127.0.0.1:24780";

function fixture() {
  const view = new FakeView();
  const recentEvents = new RecentEvents();
  const app = createAdmin(view, { boundHost: "127.0.0.1", recentEvents, eventClients: 1, pageInterval: 1 });
  const get = async (path: string) => {
    const response = await app.request(`${BASE}${path}`);
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  return { view, recentEvents, app, get };
}

Deno.test("pages load files of this server only, and run no script that is not one of them", async () => {
  const { view, get } = fixture();
  view.open.push(skewedSession("1"));
  for (const path of ["/", "/sessions/1"]) {
    const { status, headers, text } = await get(path);
    assert.equal(status, 200);
    assert.match(text, /^<!doctype html><html lang="en">/);
    const policy = headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
    assert.doesNotMatch(policy, /unsafe/);
    assert.doesNotMatch(text, /<script(?![^>]* src=)|<style| style=| on[a-z]+=|https?:\/\//);
    const files = [...text.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, file]) => file ?? "");
    assert.ok(files.length >= 5, files.join());
    for (const file of files) {
      const { status, text } = await get(file);
      assert.equal(status, 200, file);
      for (const [, other] of text.matchAll(/^import .* from "\.\/(.*)";$/gm)) {
        assert.equal((await get(`/assets/${other}`)).status, 200, String(other));
      }
    }
  }
  assert.match((await get("/assets/page.js")).headers.get("content-type") ?? "", /^text\/javascript/);
  assert.equal((await get("/assets/other")).status, 404);
});

Deno.test("what peers send stays text", async () => {
  const { view, recentEvents, get } = fixture();
  const evil = `<script>alert(1)</script>"'&`;
  const mapping = skewedMapping();
  const [field] = mapping.source.fields;
  assert.ok(field);
  const renamed = { ...mapping.source, fields: [{ ...field, element: { ...field.element, name: evil } }] };
  view.open.push(skewedSession("1", {
    certificateName: evil,
    templates: () => [{
      observationDomain: 7,
      template: 256,
      targetTemplate: 256,
      outcome: "rewritten",
      detectedProfile: evil,
      mapping: { source: renamed, fields: [] },
      records: 1,
    }],
  }));
  view.ended.fieldsStripped.add(`a${evil}`, 1);
  recentEvents.add({ event: evil, time: new Date(0), session: "1", message: evil });
  for (const path of ["/", "/sessions/1", `/?q=${encodeURIComponent(evil)}`]) {
    const { text } = await get(path);
    assert.ok(!text.includes("<script>alert"), path);
    assert.ok(text.includes("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"), path);
  }
  assert.equal((await get(`/sessions/${encodeURIComponent(evil)}`)).text.includes("<script>alert"), false);
});

Deno.test("lost values stand on both pages where they are kept, as text; else there is no table of them", async () => {
  const { view, get } = fixture();
  const evil = "<script>alert(1)</script>";
  const counters = new Counters();
  for (const element of ["httpVals", "flowType"]) {
    counters.fieldsStripped.add(element, 3);
    counters.informationLost.add(element, 2);
  }
  view.open.push(skewedSession("1", { counters }));
  const heads = /Last value/;
  for (const path of ["/", "/sessions/1"]) assert.doesNotMatch((await get(path)).text, heads);
  const octets = new TextEncoder().encode(evil);
  counters.noteLostValue("httpVals", { type: "string", length: octets.length, octets });
  counters.noteLostValue("flowType", { type: "unsigned8", length: 1, octets: Uint8Array.of(201) });
  for (const path of ["/", "/sessions/1"]) {
    const { text } = await get(path);
    assert.match(text, heads);
    assert.match(text, /<code>201<\/code>/);
    assert.match(text, /<code>&lt;script&gt;alert\(1\)&lt;\/script&gt;<\/code>/);
    assert.ok(!text.includes(evil), path);
  }
});

Deno.test("thousands of sessions make a small page, whose links sort and turn it without a script", async () => {
  const { view, get } = fixture();
  for (let id = 1; id <= 5000; id++) view.open.push(skewedSession(String(id)));
  const { text } = await get("/?q=tcp&sort=session&page=2");
  assert.ok(text.length < 60_000, `${text.length} characters`);
  assert.deepEqual(/Session (\d+)"/.exec(text)?.[1], "21");
  assert.match(text, /Page 2 of 250, 5,000 sessions/);
  assert.match(text, /href="\/\?q=tcp&amp;sort=session&amp;page=3#sessions">Next/);
  assert.match(text, /data-live="\/live\/dashboard\?q=tcp&amp;sort=session&amp;page=2"/);
  assert.match((await get("/?sort=none&page=-1")).text, /Page 1 of 250/);
});

Deno.test("of templates with thousands of fields a session's page shows some, made with turns for others between", async () => {
  const { view, get } = fixture();
  const [template] = skewedSession("1").templates();
  const { source } = skewedMapping();
  const fields = Array.from({ length: 1_000 }, (_, at) => source.fields[at % source.fields.length]!);
  const mapping = identity({ ...source, fields });
  view.open.push(
    skewedSession("1", { templates: () => Array.from({ length: 20 }, () => ({ ...template!, mapping })) }),
  );
  let turns = 0;
  const turning = setInterval(() => turns++, 0);
  const { text } = await get("/sessions/1");
  clearInterval(turning);
  assert.equal(text.match(/<tr class=/g)?.length, 2_048);
  assert.match(text, /744 more fields; all are in <a href="\/api\/sessions\/1">/);
  assert.match(text, /1,000 more fields; all are in/);
  assert.ok(turns >= 10, `${turns} turns`);
});

Deno.test("a session that is not kept, or never was, is not open; the page does not say that it was", async () => {
  const { get } = fixture();
  const { status, text } = await get("/sessions/7");
  assert.equal(status, 404);
  assert.match(text, /This session is not open/);
  assert.doesNotMatch(text, /no longer|had closed|ago/);
  assert.doesNotMatch(text, /Close this session/);
});

Deno.test("an ended session has a table of its own, and its page stays as it was", async () => {
  const { view, recentEvents, get } = fixture();
  const counters = new Counters();
  counters.informationLost.add("httpVals", 7);
  view.gone.push(endedSession("7", { outcome: "collector_unavailable", counters, moreTemplates: 5 }));
  recentEvents.add({ event: "session_closed", time: new Date(0), session: "7", message: "the end" });
  const dashboard = (await get("/")).text;
  assert.match(dashboard, /Ended in the last hour \(1\)/);
  assert.match(dashboard, /collector unavailable/);
  assert.match(dashboard, /7 records lost a value/);
  const { status, text } = await get("/sessions/7");
  assert.equal(status, 200);
  assert.match(text, /It ended at 2026-01-01 00:01:30 UTC: collector unavailable\./);
  assert.match(text, /Was open for<\/dt><dd>1 min/);
  assert.match(text, /Template 256 is rewritten/);
  assert.match(text, /5 more; what is known of them/);
  assert.match(text, /the end/);
  assert.doesNotMatch(text, /Close this session/);
});

Deno.test("exporters show their node's name next to their address, if the cluster knows it", async () => {
  const { view, get } = fixture();
  view.open.push(skewedSession("1", { certificateName: "antrea-agent", transport: "tls" }));
  view.agentOf = () => ({ node: "worker-5", by: "address" });
  assert.match((await get("/")).text, /worker-5, certificate antrea-agent, tls/);
  assert.match((await get("/sessions/1")).text, /<dt>Node<\/dt><dd>worker-5/);
});

Deno.test("each number of a release leads to its sessions", async () => {
  const { view, get } = fixture();
  view.open.push(skewedSession("1"), skewedSession("2", { skewed: false }));
  const { text } = await get("/");
  assert.match(text, /href="\/\?release=antrea%2Fv2.0&amp;verdict=needed#sessions"/);
  const group = (await get("/?release=antrea%2Fv2.0&verdict=not_needed")).text;
  assert.match(group, /Only sessions of antrea\/v2.0 that are relayed unchanged/);
  assert.deepEqual([group.includes('aria-label="Session 2"'), group.includes('aria-label="Session 1"')], [true, false]);
  assert.match(group, /data-live="\/live\/dashboard\?release=antrea%2Fv2.0&amp;verdict=not_needed"/);
});

Deno.test("of a session that is only observed, its page and the dashboard say what would be, and of no other", async () => {
  const { view, get } = fixture();
  const counters = () => {
    const counters = new Counters();
    counters.fieldsStripped.add("httpVals", 3);
    counters.informationLost.add("httpVals", 3);
    increment(counters.recordsDropped, "unknown_template", 2);
    return counters;
  };
  view.open.push(skewedSession("1", { counters: counters() }));
  view.open.push(skewedSession("2", { counters: counters(), observed: true }));
  const observed = (await get("/sessions/2")).text;
  assert.match(observed, /only observed: relayed untouched/);
  assert.match(observed, /What would be lost/);
  assert.match(observed, /Field that would be stripped/);
  assert.match(observed, /2 records would be dropped/);
  assert.match(observed, /Template 256 would be rewritten/);
  assert.match(observed, /would be stripped by strip-unknown/);
  assert.match(observed, /The collector would receive it as template 300/);
  assert.doesNotMatch(observed, /lost a value|(?<!be )dropped|Not sent|is rewritten|receives/);
  const rewritten = (await get("/sessions/1")).text;
  assert.match(rewritten, /Template 256 is rewritten/);
  assert.doesNotMatch(rewritten, /would|observed/);
  const dashboard = (await get("/")).text;
  assert.match(
    dashboard,
    /3 values were lost [^;]*; 2 records were dropped; [^;]*; 3 values would be lost [^;]*; 2 records would be dropped/,
  );
});

Deno.test("of a refused template in a session that is only observed, no record is said to be dropped", async () => {
  const { view, get } = fixture();
  const templates = () => [{
    observationDomain: 7,
    template: 256,
    targetTemplate: undefined,
    outcome: "refused" as const,
    records: 0,
  }];
  view.open.push(skewedSession("1", { templates }), skewedSession("2", { templates, observed: true }));
  assert.match((await get("/sessions/1")).text, /Template 256 is refused, and its records are dropped/);
  assert.match((await get("/sessions/2")).text, /Template 256 would be refused, and its records dropped/);
});

Deno.test("an open page receives changes; one too many is refused, and a closed one frees its place", async () => {
  const { view, app } = fixture();
  const first = await app.request(`${BASE}/live/dashboard?q=tcp`);
  assert.equal(first.headers.get("content-type"), "text/event-stream");
  assert.equal((await app.request(`${BASE}/live/sessions/1`)).status, 503);
  assert.equal((await app.request(`${BASE}/api/events`)).status, 503);
  const reader = first.body?.pipeThrough(new TextDecoderStream()).getReader();
  const next = async () => JSON.parse(/data: (.*)/.exec((await reader?.read())?.value ?? "")?.[1] ?? "");
  const { order } = await next();
  assert.deepEqual(order, [
    "verdict",
    "figures",
    "releases",
    "collector",
    "sessions",
    "losses",
    "events",
    "configuration",
  ]);
  view.open.push(skewedSession("1"));
  const { changed } = await next();
  const regions = new Map(changed.map(({ id, html }: { id: string; html: string }) => [id, html]));
  assert.match(String(regions.get("sessions")), /Session 1/);
  assert.ok(!regions.has("configuration"), "what is as it was is not sent again");
  await reader?.cancel();
  const again = await app.request(`${BASE}/live/sessions/1`);
  assert.equal(again.status, 200);
  await again.body?.cancel();
});

Deno.test("the rates are there for the chart", async () => {
  const { get } = fixture();
  assert.deepEqual(JSON.parse((await get("/api/rates")).text), { samples: [] });
});

/** A session that was observed, then rewritten. */
function changedSession() {
  const [rewrittenCounters, observedCounters, counters] = [new Counters(), new Counters(), new Counters()];
  increment(rewrittenCounters.recordsDropped, "unknown_template", 1);
  increment(observedCounters.recordsDropped, "unknown_template", 3);
  rewrittenCounters.informationLost.add("egressName", 2);
  counters.add(rewrittenCounters);
  counters.add(observedCounters);
  counters.sequenceGaps = 2;
  return skewedSession("1", { counters, rewrittenCounters, observedCounters, observed: false });
}

Deno.test("what was lost and what would have been are told apart, whatever the mode is now", async () => {
  for (const mode of ["rewrite", "observe"] as const) {
    const { view, get } = fixture();
    view.mode = mode;
    const session = changedSession();
    view.open.push(session);
    view.counted = function* () {
      yield { counters: session.rewrittenCounters, observed: false };
      yield { counters: session.observedCounters, observed: true };
    };
    for (const path of ["/", "/sessions/1"]) {
      const { text } = await get(path);
      for (const words of ["1 record dropped", "3 records would be dropped", "2 records lost a value"]) {
        assert.ok(text.includes(words), `${words} on ${path}`);
      }
      assert.ok(text.includes("2 gaps in the exporter&#39;s sequence numbers"), text);
      const table = (head: string) => new RegExp(`${head}.*?<td class="number">(\\d+)<`).exec(text)?.[1];
      assert.equal(table("Reason for dropping"), "1", path);
      assert.equal(table("Why it would be dropped"), "3", path);
    }
    const dashboard = (await get("/")).text;
    assert.match(dashboard, /What the collector does not get, or would not get/);
    assert.match(dashboard, /<span class="name">Dropped<\/span><strong>1</);
    assert.match(dashboard, /<span class="name">Would be dropped<\/span><strong>3</);
  }
});

Deno.test("the table says which sessions the verdict does not count: closing ones, and silent ones over UDP", async () => {
  const { view, get } = fixture();
  view.open.push(skewedSession("1", { closing: true }), skewedSession("2", { transport: "udp", silent: true }));
  const { text } = await get("/");
  assert.match(text, /aria-label="Session 1".*?<small>closing<\/small>.*?aria-label="Session 2".*?<small>silent: its/);
  view.open = [skewedSession("3", { silent: false })];
  assert.doesNotMatch((await get("/")).text, /<small>(?:closing|silent)/);
});

Deno.test("a fallback to another candidate is said of its collector", async () => {
  const { view, get } = fixture();
  const [from, to] = [{ profile: "antrea/v2.7" }, { profile: "antrea/v1.1" }];
  const profiles = [from.profile, to.profile];
  view.collector = { ...view.collector, candidates: { profiles, steps: 0, lastStep: undefined } };
  assert.match((await get("/")).text, /Candidates<\/dt><dd>antrea\/v2\.7, antrea\/v1\.1</);
  const lastStep = { from, to, why: "epoch" };
  view.collector = { ...view.collector, candidates: { profiles, steps: 2, lastStep } };
  assert.match((await get("/")).text, /; antrea\/v1\.1 once more in place of antrea\/v2\.7, since the collector has/);
});

Deno.test("what is counted of all collectors together is not said of one of several", async () => {
  const { view, get } = fixture();
  const facts = async () => /id="collector"[^]*?<\/section>/.exec((await get("/")).text)?.[0] ?? "";
  assert.match(await facts(), /Decoder<\/dt><dd>go-ipfix-legacy<\/dd><\/div><div><dt>Reconnects<\/dt><dd>2</);
  Object.assign(view, { otherCollectors: [{ ...view.collector, key: "tcp 10.0.0.9:4739", address: "10.0.0.9:4739" }] });
  assert.match(await facts(), /10\.0\.0\.9:4739.*<h3>All collectors together<\/h3>.*Reconnects<\/dt><dd>2</);
  assert.equal((await facts()).match(/Reconnects/g)?.length, 1);
});

Deno.test("a session shows what its own collector expects, not that of most sessions", async () => {
  const { view, get } = fixture();
  const otherCollectors = [{ ...view.collector, key: "tcp 10.0.0.9:4739", profile: "antrea/v2.7" }];
  Object.assign(view, { otherCollectors });
  view.open.push(skewedSession("1", { collector: "tcp 10.0.0.9:4739" }));
  const { text } = await get("/sessions/1");
  assert.match(text, /The collector receives \(antrea\/v2\.7\)/);
  assert.equal(JSON.parse((await get("/api/sessions/1")).text).expectedProfile, "antrea/v2.7");
});
