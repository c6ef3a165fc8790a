import assert from "node:assert/strict";
import { Counters, increment } from "../../mediation/templates/counters.ts";
import { endedSession, FakeView, skewedSession } from "../../../test/support/fake_view.ts";
import type { SessionView } from "../view/view.ts";
import { type Order, overview, ROWS, type TableRequest } from "./overview.ts";

function counters(fill: (counters: Counters) => void): Counters {
  const counters = new Counters();
  fill(counters);
  return counters;
}

function view(facts: Partial<SessionView> = {}): FakeView {
  const view = new FakeView();
  const session = (id: string, more: Partial<SessionView>) => skewedSession(id, { ...facts, ...more });
  view.open = [
    session("1", { skewed: false, peer: "10.0.0.1:1", templates: () => [] }),
    session("2", { peer: "10.0.0.2:2" }),
    session("10", { peer: "10.0.0.10:3", counters: counters((each) => each.informationLost.add("httpVals", 7)) }),
    session("4", {
      peer: "10.0.0.4:4",
      certificateName: "node-4",
      counters: counters((each) => increment(each.recordsDropped, "unknown_template", 1)),
    }),
    session("5", { peer: "10.0.0.5:5", counters: counters((each) => each.informationLost.add("httpVals", 9)) }),
  ];
  return view;
}

const ids = async (query: string) => (await overview(view(), { query })).rows.map(({ session }) => session.id);

Deno.test("the worst come first", async () => {
  assert.deepEqual(await ids(""), ["4", "5", "10", "2", "1"]);
});

Deno.test("a search looks in peers, certificates, releases, problems and lost elements", async () => {
  assert.deepEqual(await ids("10.0.0.1"), ["10", "1"]);
  assert.deepEqual(await ids("NODE-4"), ["4"]);
  assert.deepEqual(await ids("httpvals 10.0.0.5"), ["5"]);
  assert.deepEqual(await ids("dropped"), ["4"]);
  assert.deepEqual(await ids("unknown"), ["1"], "the release of session 1 is not known");
  assert.deepEqual(await ids("nothing"), []);
});

Deno.test("releases are summed over all sessions, whatever is searched for, and compared with the collector's", async () => {
  const all = view();
  all.releaseRange = () => "v2.0-v2.5";
  const { releases, open, matching } = await overview(all, { query: "nothing" });
  assert.deepEqual([open, matching], [5, 0]);
  assert.deepEqual(releases, [
    { release: undefined, age: undefined, sessions: 1, verdicts: { needed: 0, not_needed: 0, unknown: 1 } },
    { release: "v2.0-v2.5", age: "newer", sessions: 4, verdicts: { needed: 4, not_needed: 0, unknown: 0 } },
  ]);
});

Deno.test("observed sessions show what would be rewritten", async () => {
  const observed = view({ observed: true });
  const words = (await overview(observed)).rows.map(({ trouble }) => trouble.words[0]);
  assert.deepEqual(words, [
    "1 record would be dropped",
    "9 records would lose a value",
    "7 records would lose a value",
    "would be rewritten",
    undefined,
  ]);
});

Deno.test("thousands of sessions are processed in slices, and a bounded number is shown", async () => {
  const many = new FakeView();
  many.open = Array.from({ length: 1000 }, (_, index) => skewedSession(String(index)));
  let pauses = 0;
  const { rows, matching } = await overview(many, {}, () => Promise.resolve(void pauses++));
  assert.deepEqual([rows.length, matching, pauses], [ROWS, 1000, 7]);
});

Deno.test("the table is sorted and paged as requested; a page beyond the last shows the last", async () => {
  const many = new FakeView();
  many.open = Array.from({ length: 45 }, (_, index) =>
    skewedSession(String(index + 1), {
      peer: `10.0.0.${45 - index}:1`,
      counters: counters((each) => each.recordsReceived = index % 7),
    }));
  const first = async (order: Order, page: number) => {
    const { rows, page: shown, pages } = await overview(many, { order, page });
    return [rows[0]?.session.id, rows.length, shown, pages];
  };
  assert.deepEqual(await first("session", 1), ["1", 20, 1, 3]);
  assert.deepEqual(await first("session", 3), ["41", 5, 3, 3]);
  assert.deepEqual(await first("session", 99), ["41", 5, 3, 3]);
  assert.deepEqual(await first("peer", 1), ["45", 20, 1, 3]);
  assert.deepEqual(await first("received", 1), ["7", 20, 1, 3]);
});

Deno.test("a group of sessions is those of one release and verdict, also where neither is known", async () => {
  const all = view();
  all.open.push(skewedSession("6", { skewed: false }));
  all.releaseRange = () => "v2.0-v2.5";
  const group = async (request: TableRequest) => (await overview(all, request)).rows.map(({ session }) => session.id);
  assert.deepEqual(await group({ release: "v2.0-v2.5", verdict: "not_needed" }), ["6"]);
  assert.deepEqual(await group({ release: "v2.0-v2.5", order: "session" }), ["2", "4", "5", "6", "10"]);
  assert.deepEqual(await group({ release: "unknown", verdict: "unknown" }), ["1"]);
  assert.deepEqual(await group({ verdict: "needed", query: "10.0.0.5" }), ["5"]);
});

Deno.test("ended sessions are found by the same words, and by how they ended, a page at a time", async () => {
  const some = view();
  some.gone = Array.from(
    { length: 30 },
    (_, index) => endedSession(String(100 - index), { outcome: index % 3 === 0 ? "collector_unavailable" : "closed" }),
  );
  const ended = async (request: TableRequest) => (await overview(some, request)).ended;
  const { rows, matching, kept, page, pages } = await ended({ endedPage: 2 });
  assert.deepEqual([rows[0]?.session.id, rows.length, matching, kept, page, pages], ["80", 10, 30, 30, 2, 2]);
  assert.equal((await ended({ query: "collector unavailable" })).matching, 10);
  assert.equal((await ended({ query: "nothing" })).kept, 30);
});

Deno.test("a node's name finds its sessions", async () => {
  const known = view();
  known.agentOf = ({ peer, observationDomains }) =>
    peer === "10.0.0.5:5" && observationDomains[0] === 7 ? { node: "worker-5", by: "address" } : undefined;
  assert.deepEqual((await overview(known, { query: "worker-5" })).rows.map(({ session }) => session.id), ["5"]);
});

Deno.test("a session that is converted between gRPC and IPFIX needs the proxy, as the verdict says, and is not unchanged", async () => {
  const some = new FakeView();
  const key = "tcp 127.0.0.1:4739";
  some.collector = { ...some.collector, key, takes: (transport) => transport !== "grpc" };
  const unskewed = { skewed: false, collector: key };
  some.open = [skewedSession("1", unskewed), skewedSession("2", { ...unskewed, transport: "grpc" })];
  const { rows, releases } = await overview(some, { order: "session" });
  assert.deepEqual(rows.map(({ verdict, trouble }) => [verdict, ...trouble.words]), [
    ["not_needed"],
    ["needed", "converted between gRPC and IPFIX"],
  ]);
  assert.deepEqual(releases[0]?.verdicts, { needed: 1, not_needed: 1, unknown: 0 });
  // What takes both needs no conversion.
  some.collector = { ...some.collector, takes: () => true };
  assert.deepEqual((await overview(some)).releases[0]?.verdicts, { needed: 0, not_needed: 2, unknown: 0 });
});
