import assert from "node:assert/strict";
import { FakeView } from "../../../../test/support/fake_view.ts";
import { sessionReport } from "../../api/session_report.ts";
import { skewedSession } from "../../../../test/support/fake_view.ts";
import { statusReport } from "../../api/status_report.ts";
import type { ClusterView } from "../../view/view.ts";
import { health } from "../health.ts";
import { Cluster } from "./cluster.tsx";

const CLUSTER: ClusterView = {
  trust: {
    mode: "append-ca",
    state: "established",
    authorities: [{ subject: "CN=flow-aggregator-ca", expiresAt: new Date("2027-01-01T00:00:00Z"), ended: false }],
  },
  aggregator: { release: "v1.15.2", next: "v2.0.0" },
  agents: { "v2.0.0": 1200, unknown: 1 },
  waitingFor: "",
  problems: [],
};

Deno.test("the page shows the state of the cluster, what it waits for and its problems as text", () => {
  const html = (cluster: ClusterView) => Cluster({ cluster }).toString();
  const good = html(CLUSTER);
  for (
    const words of [
      "nothing is missing",
      "append-ca",
      "CN=flow-aggregator-ca (until 2027-01-01 00:00:00 UTC)",
      "v1.15.2, then v2.0.0",
      "1,200 of v2.0.0, 1 of unknown",
    ]
  ) assert.ok(good.includes(words), `${words} in ${good}`);
  const problems = ["Secret x is no good: <b>"];
  assert.match(html({ ...CLUSTER, problems }), /the last good state stays in force.*Secret x is no good: &lt;b&gt;/s);
  assert.match(html({ ...CLUSTER, waitingFor: "Secret y" }), /waiting for Secret y/);
  assert.match(html({ ...CLUSTER, aggregator: { reason: "no tag" } }), /no tag/);
});

Deno.test("until the cluster has the missing objects, verdict and status name them", () => {
  const view = new FakeView();
  assert.equal("cluster" in statusReport(view, new Date()), false);
  view.ready = false;
  view.cluster = { ...CLUSTER, waitingFor: "Secret y" };
  assert.equal(health(view).sentence, "Waiting for Secret y");
  assert.deepEqual(statusReport(view, new Date()).cluster, view.cluster);
});

Deno.test("a session's report has the Agent that its cluster knows", () => {
  const agent = { node: "node-1", release: "v2.0.0", source: "Pod", by: "address" };
  const session = skewedSession("1", { peer: "10.0.0.1:5000" });
  const view = new FakeView();
  view.agentOf = ({ peer, observationDomains }) =>
    peer === session.peer && observationDomains[0] === 7 ? agent : undefined;
  assert.deepEqual(sessionReport(session, view).agent, agent);
  assert.equal("agent" in sessionReport(session, new FakeView()), false);
});
