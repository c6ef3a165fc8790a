import assert from "node:assert/strict";
import { Counters, increment } from "../mediation/templates/counters.ts";
import { createAdmin } from "./admin.ts";
import { endedSession, FakeView, skewedSession } from "../../test/support/fake_view.ts";

const NOW = new Date("2026-01-01T00:01:00.900Z");
const URL_BASE = "http://127.0.0.1:24780";
const LOCAL = { peer: "127.0.0.1" };

function fixture() {
  const view = new FakeView();
  const app = createAdmin(view, {
    boundHost: "127.0.0.1",
    now: () => NOW,
    eventClients: 2,
    eventStream: { octets: 200 },
  });
  const get = (path: string, headers: Record<string, string> = {}) =>
    app.request(`${URL_BASE}${path}`, { headers }, LOCAL);
  const post = (path: string, headers: Record<string, string> = {}, environment = LOCAL) =>
    app.request(
      `${URL_BASE}${path}`,
      { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: "{}" },
      environment,
    );
  return { view, app, get, post };
}

Deno.test("/live answers whatever happens, /ready follows listeners and the drain; neither depends on the collector", async () => {
  const { view, get } = fixture();
  view.collector = { ...view.collector, up: false, state: "lost" };
  assert.equal((await get("/live")).status, 200);
  assert.equal((await get("/ready")).status, 200);
  view.draining = true;
  assert.equal((await get("/ready")).status, 503);
  assert.equal((await get("/live")).status, 200);
  view.draining = false;
  view.ready = false;
  assert.equal((await get("/ready")).status, 503);
});

Deno.test("answers that are asked for at the same time are made one by one, each in its own turn of the event loop; a probe waits for none", async () => {
  const { get } = fixture();
  for (const path of ["/", "/metrics", "/api/status"]) {
    await (await get(path)).text();
    let turn = 0;
    let timer = setTimeout(function next() {
      turn++;
      timer = setTimeout(next, 0);
    }, 0);
    const answeredIn: number[] = [];
    const answers = Array.from({ length: 10 }, async () => {
      await get(path);
      answeredIn.push(turn);
    });
    assert.equal(await (await get("/live")).text(), "live\n");
    assert(answeredIn.length < 10, path);
    await Promise.all(answers);
    clearTimeout(timer);
    assert.equal(new Set(answeredIn).size, 10, `${path}: ${answeredIn.join(" ")}`);
  }
});

Deno.test("status is exactly what the contract says", async () => {
  const { view, get } = fixture();
  view.open.push(skewedSession("1"), skewedSession("2", { skewed: false }), skewedSession("3", { closing: true }));
  view.ended.recordsReceived = 5;
  view.ended.recordsSent = 4;
  increment(view.ended.recordsDropped, "unknown_template", 1);
  increment(view.ended.messagesRejected, "set_overrun", 2);
  increment(view.ended.informationLost, "httpVals", 3);
  view.ended.noteLostLength("httpVals", 41);
  view.ended.countTemplates("rewritten");
  const response = await get("/api/status");
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.equal(response.headers.get("x-content-type-options"), "nosniff");
  const collector = {
    address: "127.0.0.1:4739",
    state: "connected",
    since: "1970-01-01T00:00:00.000Z",
    reason: null,
    epoch: 1,
    profile: "antrea/v1.15",
    nextProfile: null,
    candidates: null,
    dialect: "go-ipfix-legacy",
    reconnects: 2,
  };
  assert.deepEqual(await response.json(), {
    version: "1.2.3",
    mode: "rewrite",
    uptimeSeconds: 60,
    draining: false,
    verdict: { verdict: "not_needed", reason: "all 3 sessions are relayed unchanged" },
    collector,
    collectors: [{ ...collector, transport: null, rules: [], sessions: 0 }],
    skew: {
      sessions: 1,
      left: 1,
      lastSeen: NOW.toISOString(),
      quietSeconds: 0,
      settleSeconds: 10,
    },
    totals: {
      sessions: { open: 2, closing: 1, ended: 7, refused: 0 },
      handshakeFailures: { no_certificate: 0, listener_refused: 0 },
      recordsInHand: 4,
      messages: { received: 0, sent: 0 },
      records: { received: 5, sent: 4, resent: 0 },
      octets: { received: 0, sent: 0 },
      templates: { rewritten: 1 },
      fieldsStripped: {},
      fieldsPadded: {},
      pluginErrors: {},
      sequenceGaps: 0,
      referenceFaults: {},
    },
    losses: {
      recordsDropped: { unknown_template: 1 },
      messagesRejected: { set_overrun: 2 },
      informationLost: { httpVals: 3 },
      lastLostOctets: { httpVals: 41 },
      wouldLose: { recordsDropped: {}, messagesRejected: {}, informationLost: {} },
      recordsPossiblyLost: 6,
      sessionsFailed: {},
    },
    failingHandshakes: null,
    certificateFaults: [],
    templateCacheFault: null,
    memory: null,
    refusedConfiguration: null,
  });
});

Deno.test("lost values are in the status and in their session where they are kept, and in no metric", async () => {
  const { view, get } = fixture();
  const counters = new Counters();
  counters.informationLost.add("httpVals", 2);
  counters.noteLostLength("httpVals", 9);
  view.open.push(skewedSession("1", { counters }));
  const losses = async (path: string) => (await (await get(path)).json()).losses;
  assert.equal("lastLostValues" in await losses("/api/status"), false);
  const octets = new TextEncoder().encode("forbidden");
  counters.noteLostValue("httpVals", { type: "string", length: 9, octets });
  for (const path of ["/api/status", "/api/sessions/1"]) {
    assert.deepEqual((await losses(path)).lastLostValues, { httpVals: "forbidden" }, path);
  }
  assert.ok(!(await (await get("/metrics")).text()).includes("forbidden"));
});

Deno.test("without a skewed session, the time of the last one comes from the proxy, or is null", async () => {
  const { view, get } = fixture();
  const skew = async () => (await (await get("/api/status")).json()).skew;
  const none = { sessions: 0, left: 0, settleSeconds: 10 };
  assert.deepEqual(await skew(), { ...none, lastSeen: null, quietSeconds: 60 });
  const lastSeen = new Date("2026-01-01T00:00:10Z");
  view.skew = { lastSeen, quiet: 12_345, settle: 10_000 };
  assert.deepEqual(await skew(), { ...none, lastSeen: lastSeen.toISOString(), quietSeconds: 12 });
  view.open.push(skewedSession("1"), skewedSession("2", { closing: true }));
  const { sessions, left, quietSeconds } = await skew();
  assert.deepEqual([sessions, left, quietSeconds], [1, 1, 0], "what came since the last look is there");
});

Deno.test("sessions, each with its templates and what becomes of their fields", async () => {
  const { view, get } = fixture();
  assert.deepEqual(await (await get("/api/sessions")).json(), []);
  for (let id = 0; id < 40; id++) view.open.push(skewedSession(String(id)));
  const sessions = await (await get("/api/sessions")).json();
  assert.deepEqual(sessions.map(({ id }: { id: string }) => id), view.open.map(({ id }) => id));
  const session = await (await get("/api/sessions/17")).json();
  assert.deepEqual(session, sessions[17]);
  assert.equal(session.peer, "10.1.2.3:40000");
  assert.equal(session.certificateName, null);
  assert.equal(session.detectedProfile, "antrea/v2.0");
  assert.deepEqual(session.observationDomains, [7]);
  const [template] = session.templates;
  assert.equal(template.targetTemplate, 300);
  assert.deepEqual(template.stripped, ["56506/999"]);
  assert.deepEqual(template.padded, ["protocolIdentifier", "exporterIPv4Address"]);
  assert.equal(template.moved, 1);
  assert.deepEqual(template.target[1], {
    element: "packetDeltaCount",
    pen: 0,
    id: 2,
    type: "unsigned64",
    length: 8,
    from: "record",
    index: 0,
    convert: "widen",
  });
  assert.equal(template.target[2].by, "pad-missing");
  assert.equal(template.target[2].value, 6);
  const unknown = await get("/api/sessions/40");
  assert.equal(unknown.status, 404);
  assert.match((await unknown.json()).error, /^no session has this id: none is open, nor kept/);
});

Deno.test("however many sessions are listed or shown, the collectors' state is read once: each look visits all of them", async () => {
  const { view, get } = fixture();
  for (let id = 1; id <= 40; id++) view.open.push(skewedSession(String(id)));
  let looks = 0;
  const { collector } = view;
  Object.defineProperty(view, "collector", { get: () => (looks++, collector) });
  for (const [path, most] of [["/api/sessions", 1], ["/api/sessions/7", 1], ["/sessions/7", 1], ["/", 6]] as const) {
    looks = 0;
    await (await get(path)).text();
    assert.ok(looks <= most, `${path}: ${looks} looks`);
  }
});

Deno.test("ended sessions are listed apart, with their end, and each is still found by its id", async () => {
  const { view, get } = fixture();
  view.open.push(skewedSession("3"));
  const counters = new Counters();
  counters.informationLost.add("httpVals", 7);
  view.gone.push(endedSession("2", { outcome: "reset", counters, moreTemplates: 9 }), endedSession("1"));
  const ended = await (await get("/api/sessions?ended")).json();
  assert.deepEqual(ended.map(({ id }: { id: string }) => id), ["2", "1"]);
  assert.deepEqual(ended[0].ended, { at: "2026-01-01T00:01:30.000Z", outcome: "reset", moreTemplates: 9 });
  assert.deepEqual(ended[0].losses.informationLost, { httpVals: 7 });
  assert.equal(ended[0].templates[0].template, 256);
  assert.deepEqual(await (await get("/api/sessions/2")).json(), ended[0]);
  const open = await (await get("/api/sessions")).json();
  assert.deepEqual(open.map(({ id, ended }: { id: string; ended?: unknown }) => [id, ended]), [["3", undefined]]);
});

Deno.test("a session says whether it is only observed, whatever the mode of the others", async () => {
  const { view, get } = fixture();
  view.mode = "observe";
  view.open.push(skewedSession("1", { observed: true }), skewedSession("2"));
  const sessions = await (await get("/api/sessions")).json();
  assert.deepEqual(sessions.map(({ observed }: { observed: boolean }) => observed), [true, false]);
});

Deno.test("names that objects inherit are elements like any other", async () => {
  const { view, get } = fixture();
  increment(view.ended.fieldsStripped, "__proto__", 3);
  increment(view.ended.fieldsStripped, "constructor", 4);
  const text = await (await get("/api/status")).text();
  assert.match(text, /"fieldsStripped":\{"__proto__":3,"constructor":4\}/);
});

Deno.test("drain, close and reload do what they say", async () => {
  const { view, get, post } = fixture();
  view.open.push(skewedSession("a"));
  assert.equal((await post("/api/sessions/a/close")).status, 202);
  assert.deepEqual(view.closed, ["a"]);
  assert.equal((await post("/api/sessions/b/close")).status, 404);
  assert.equal((await post("/api/reload")).status, 501);
  view.reload = () => Promise.resolve({ applied: false, mistakes: ["proxy.yaml:1:1: listen: missing"] });
  const refused = await post("/api/reload");
  assert.equal(refused.status, 422);
  assert.deepEqual((await refused.json()).mistakes, ["proxy.yaml:1:1: listen: missing"]);
  view.reload = () => Promise.resolve({ applied: true, mistakes: [] });
  assert.equal((await post("/api/reload")).status, 200);
  assert.equal((await post("/api/drain")).status, 202);
  assert.equal(view.draining, true);
  assert.equal((await get("/api/drain")).status, 405);
});

Deno.test("requests from other machines, other sites' pages and forms change nothing", async () => {
  const { view, app, post } = fixture();
  view.open.push(skewedSession("a"));
  for (const path of ["/api/drain", "/api/sessions/a/close", "/api/reload"]) {
    assert.equal((await post(path, {}, { peer: "10.0.0.9" })).status, 403, path);
    assert.equal((await post(path, { Origin: "http://evil.example" })).status, 403, path);
    assert.equal((await post(path, { "Sec-Fetch-Site": "cross-site" })).status, 403, path);
    assert.equal((await post(path, { "Content-Type": "application/x-www-form-urlencoded" })).status, 415, path);
    assert.equal((await post(path, { Host: "evil.example" })).status, 403, path);
    const unknownPeer = { method: "POST", headers: { "Content-Type": "application/json" } };
    assert.equal((await app.request(`${URL_BASE}${path}`, unknownPeer)).status, 403, path);
  }
  assert.equal(view.draining, false);
  assert.deepEqual(view.closed, []);
  assert.equal((await post("/api/drain", { Origin: URL_BASE })).status, 202);
});

Deno.test("while clients leave much of the list of sessions unread, the next sessions wait; all of it comes once it is read", async () => {
  const { view, get } = fixture();
  const [template] = skewedSession("1").templates();
  const templates = Array.from({ length: 6_000 }, () => ({ ...template! }));
  let reports = 0;
  for (const id of ["1", "2"]) view.open.push(skewedSession(id, { templates: () => (reports++, templates) }));
  const { length } = await (await get("/api/sessions")).text();
  assert.ok(length > 8_000_000, `${length}`);
  reports = 0;
  const clients = await Promise.all(Array.from({ length: 20 }, async () => (await get("/api/sessions")).body!));
  const readers = clients.map((body) => body.getReader());
  const begun = readers.map((reader) => reader.read());
  const first = await begun[0]!;
  // Those that may be made are, meanwhile: each takes a turn.
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  assert.ok(reports <= 3, `${reports} sessions were reported for nobody`);
  let octets = first.value!.length;
  for (const reader of readers.slice(1)) void reader.cancel();
  for (let read = await readers[0]!.read(); !read.done; read = await readers[0]!.read()) octets += read.value.length;
  assert.equal(octets, length);
});

Deno.test("a request for a rebound host name is refused", async () => {
  const { get } = fixture();
  for (const path of ["/api/status", "/metrics", "/api/events", "/api/sessions"]) {
    assert.equal((await get(path, { Host: "evil.example:24780" })).status, 403, path);
  }
  assert.equal((await get("/api/status", { Host: "localhost:1" })).status, 200);
});

Deno.test("events reach every client as they happen, no more clients than allowed", async () => {
  const { view, get } = fixture();
  const first = await get("/api/events");
  const second = await get("/api/events");
  assert.equal(first.headers.get("content-type"), "text/event-stream");
  assert.equal((await get("/api/events")).status, 503);
  view.emit({ event: "session_opened", time: NOW, session: "1" });
  for (const response of [first, second]) {
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    assert.match((await reader?.read())?.value ?? "", /^: /);
    assert.equal(
      (await reader?.read())?.value,
      `event: session_opened\ndata: {"event":"session_opened","time":"${NOW.toISOString()}","session":"1"}\n\n`,
    );
    await reader?.cancel();
  }
  assert.equal(view.listeners.size, 0);
  const third = await get("/api/events");
  assert.equal(third.status, 200);
  await third.body?.cancel();
});
