import assert from "node:assert/strict";
import { createAdmin } from "../../../src/admin/admin.ts";
import { FakeView, skewedSession } from "../../support/fake_view.ts";
import type { Meter } from "../meter.ts";
import type { Random } from "../input/random.ts";
import { without } from "../input/simpler_messages.ts";
import type { Target } from "./target.ts";
import { PATIENCE } from "../../support/time/until.ts";

/** One request to the admin side, and what the proxy that it shows is like. */
export interface AdminCase {
  /** The client's address; an empty one is not known. */
  readonly peer: string;
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string | Uint8Array;
  /** Texts from outside: names in certificates, elements, reasons. */
  readonly texts: readonly string[];
  readonly sessions: number;
}

const BASE = "http://127.0.0.1:24780";
const METHODS = ["GET", "GET", "GET", "POST", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"];
const PATHS = [
  "/",
  "/live",
  "/ready",
  "/metrics",
  "/api/status",
  "/api/sessions",
  "/api/sessions/1",
  "/api/events",
  "/api/rates",
  "/api/drain",
  "/api/reload",
  "/api/sessions/1/close",
  "/api/sessions/1/capture",
  "/sessions/1",
  "/live/dashboard",
  "/live/sessions/1",
  "/assets/page.js",
];
const PIECES = [
  "..",
  "%2e%2e",
  "%00",
  "%",
  "%ff",
  "//",
  "\\",
  "1",
  "-1",
  "1e9",
  "__proto__",
  "constructor",
  "é",
  ";",
  "?q=",
];
const CHANGES = /^\/api\/(drain|reload|sessions\/[^/]+\/(close|capture))$/;
/** Markup that must never come out as it went in. */
const MARKUP = "<script>alert`1`</script>";
const TEXTS = [
  MARKUP,
  `"><img src=x onerror=1>`,
  "__proto__",
  "constructor",
  "\u0000",
  "\u202e",
  "x".repeat(5_000),
  "é\n\r",
];
const LOOPBACK = ["127.0.0.1", "::1", "::ffff:127.0.0.1"];
const ELSEWHERE = ["10.1.2.3", "", "127.0.0.1.evil", "::ffff:10.0.0.1", "localhost"];
/** Octets of an answer that is no stream, and of what is read of a stream. */
const LONGEST_ANSWER = 8 * 1024 * 1024;
/** Milliseconds for an answer to begin. */

/** Requests to the admin side: strange methods, paths, queries, headers and bodies, from here and elsewhere. */
export const adminTarget: Target<AdminCase> = {
  name: "admin",
  share: 1,
  draw: drawAdminCase,
  octetsOf: ({ path, headers, body }) => path.length + JSON.stringify(headers).length + body.length,
  run: runAdminCase,
  *simpler(one) {
    for (const headers of without(one.headers)) yield { ...one, headers };
    for (const texts of without(one.texts)) yield { ...one, texts };
    if (one.sessions > 1) yield { ...one, sessions: 1 };
    if (one.body.length > 0) yield { ...one, body: one.body.slice(0, one.body.length >> 1) };
    const parts = one.path.split(/(?=[/?&])/);
    for (const fewer of without(parts)) if (fewer.length > 0) yield { ...one, path: fewer.join("") };
  },
};

function drawAdminCase(random: Random): AdminCase {
  const any = drawAnyRequest(random);
  if (!random.oneIn(4)) return any;
  // A change that is as it should be, but for one thing at most.
  const change: AdminCase = {
    ...any,
    peer: "127.0.0.1",
    method: "POST",
    path: random.pick(PATHS.filter((path) => CHANGES.test(path))),
    headers: [["content-type", "application/json"]],
    sessions: 2,
  };
  const kept = random.pick(["peer", "method", "path", "headers", "body"] as const);
  return random.oneIn(3) ? change : { ...change, [kept]: any[kept] };
}

function drawAnyRequest(random: Random): AdminCase {
  let path = random.pick(PATHS);
  for (let count = random.oneIn(2) ? random.between(1, 3) : 0; count > 0; count--) {
    const at = random.below(path.length + 1);
    path = path.slice(0, at) + random.pick(PIECES) + path.slice(at);
  }
  if (!path.startsWith("/")) path = `/${path}`;
  if (random.oneIn(2)) {
    const value = () =>
      encodeURIComponent(random.pick([...TEXTS, "2", "-1", "9".repeat(30), "problem", "peer", "NaN"]));
    path += `?${
      random.list(random.between(1, 3), () => `${random.pick(["q", "sort", "page", "__proto__"])}=${value()}`).join("&")
    }`;
  }
  const headers: [string, string][] = [];
  const add = (name: string, values: readonly string[], oneIn: number) => {
    if (random.oneIn(oneIn)) headers.push([name, random.pick(values)]);
  };
  add(
    "content-type",
    ["application/json", "application/json", "text/plain", "APPLICATION/JSON;x", "application/jsonx"],
    2,
  );
  add("origin", [BASE, "null", "http://evil.example", "http://127.0.0.1:24780.evil.example", ""], 3);
  add("sec-fetch-site", ["same-origin", "none", "cross-site", "same-site", ""], 4);
  add("host", ["127.0.0.1:24780", "evil.example", "[::1]", "localhost:1", "127.0.0.1.nip.io", "[", ""], 4);
  add("range", ["bytes=0-", "bytes=9-1", "x"], 10);
  add("accept-encoding", ["gzip, br", "*;q=0"], 10);
  add("last-event-id", ["9".repeat(300), "-1"], 10);
  add("x-forwarded-for", ["127.0.0.1"], 10);
  const json = [
    "{}",
    `{"messages":1}`,
    `{"messages":1e99}`,
    `{"seconds":-1,"octets":"1"}`,
    `{"__proto__":{"messages":1}}`,
    "[]",
    "null",
    "{",
    `"${"x".repeat(200_000)}"`,
    "[".repeat(50_000),
  ];
  return {
    peer: random.pick(random.oneIn(2) ? LOOPBACK : ELSEWHERE),
    method: random.pick(METHODS),
    path,
    headers,
    body: random.oneIn(3) ? random.octets(random.below(3_000)) : random.pick(json),
    texts: random.list(6, () => random.pick(TEXTS)),
    sessions: random.pick([0, 1, 2, 30]),
  };
}

/** A proxy that shows texts from outside, and notes what it is asked to change. */
function viewOf({ texts, sessions }: AdminCase): { view: FakeView; changes: string[] } {
  const [name = "", element = "", reason = "", peer = "", error = "", release = ""] = texts;
  const view = new FakeView();
  const changes: string[] = [];
  view.drain = () => void changes.push("drain");
  view.closeSession = () => (changes.push("close"), true);
  view.reload = () => {
    changes.push("reload");
    return Promise.resolve({ applied: false, mistakes: [error], warnings: [] }) as never;
  };
  view.capture = () => {
    changes.push("capture");
    return Promise.resolve({ received: new Uint8Array(9), sent: new Uint8Array(9) }) as never;
  };
  view.collector = { ...view.collector, reason, up: false, state: "lost", address: peer };
  view.ended.informationLost.add(element, 3);
  view.ended.fieldsStripped.add(element, 3);
  view.ended.pluginErrors.set(name, 1);
  for (let id = 1; id <= sessions; id++) {
    view.open.push(skewedSession(String(id), { peer, certificateName: name, detectedRelease: release } as never));
  }
  return { view, changes };
}

/** Loading metrics takes longer than a turn; `serve` does that with the first scrape. */
let loaded: Promise<unknown> | undefined;

async function runAdminCase(one: AdminCase, meter: Meter): Promise<void> {
  await (loaded ??= import("../../../src/admin/metrics/metrics.ts"));
  const { view, changes } = viewOf(one);
  const app = createAdmin(view, { boundHost: "127.0.0.1", eventClients: 2 });
  let request: Request;
  try {
    const hasBody = one.method !== "GET" && one.method !== "HEAD";
    request = new Request(`${BASE}${one.path}`, {
      method: one.method,
      headers: one.headers.map(([name, value]): [string, string] => [name, value]),
      ...(hasBody ? { body: one.body as string } : {}),
    });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return meter.reach("no request");
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer")), PATIENCE);
  });
  try {
    const environment = one.peer === "" ? {} : { peer: one.peer };
    const answering = meter.turn(() => Promise.resolve(app.fetch(request, environment)));
    const response = await Promise.race([answering, late]);
    await Promise.race([assertAnswer(one, response, changes, meter), late]);
  } finally {
    clearTimeout(timer);
  }
  assert.equal(({} as Record<string, unknown>)["messages"], undefined, "nothing is added to every object");
}

async function assertAnswer(
  one: AdminCase,
  response: Response,
  changes: readonly string[],
  meter: Meter,
): Promise<void> {
  const { status, headers } = response;
  const type = headers.get("content-type") ?? "";
  meter.reach(`${status} ${type.split(";")[0]}`, ...changes);
  const text = await readSome(response);
  assert.ok(status < 500 || status === 501 || status === 503, `${status}: ${text.slice(0, 500)}`);
  assert.equal(headers.get("x-content-type-options"), "nosniff");
  if (type.startsWith("text/html") || type.startsWith("text/event-stream")) {
    assert.ok(!text.includes(MARKUP), "text from outside is escaped");
  }
  if (type.startsWith("text/html")) {
    assert.match(headers.get("content-security-policy") ?? "", /default-src 'none'/);
    assert.ok(!text.includes("<img src=x"), "text from outside stays text");
  }
  if (type.startsWith("application/json") && one.method !== "HEAD") JSON.parse(text);
  if (changes.length === 0) return;
  const header = (name: string) =>
    new Headers(one.headers.map(([key, value]): [string, string] => [key, value])).get(name);
  assert.ok(CHANGES.test(new URL(`${BASE}${one.path}`).pathname), "only these paths change anything");
  assert.equal(one.method, "POST");
  assert.ok(LOOPBACK.includes(one.peer), `a client at ${one.peer} changed something`);
  assert.match(header("content-type") ?? "", /^application\/json\s*(;|$)/i);
  assert.ok([null, BASE].includes(header("origin")), "a page of another origin changed something");
  assert.ok([null, "same-origin", "none"].includes(header("sec-fetch-site")));
}

/** The body: all of it, or of a stream what comes first. */
async function readSome(response: Response): Promise<string> {
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
  if (response.body === null) return "";
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let octets = 0;
  // A stream of events may have nothing to say.
  const pause = isStream
    ? new Promise<{ done: true; value: undefined }>((resolve) =>
      setTimeout(() => resolve({ done: true, value: undefined }), 2)
    )
    : undefined;
  for (;;) {
    const { done, value } = await (pause === undefined ? reader.read() : Promise.race([reader.read(), pause]));
    if (done) break;
    octets += value.length;
    assert.ok(octets <= LONGEST_ANSWER, `an answer of more than ${LONGEST_ANSWER} octets`);
    text += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  return text;
}
