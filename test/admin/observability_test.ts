import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import dashboard from "../../config/grafana/ipfix-skew-proxy.json" with { type: "json" };
import alerts from "../../config/prometheus/alerts.yaml" with { type: "text" };
import alertsTest from "../../config/prometheus/alerts_test.yaml" with { type: "text" };
import { FakeView, skewedSession } from "../support/fake_view.ts";
import { createMetrics } from "../../src/admin/metrics/metrics.ts";
import { increment } from "../../src/mediation/templates/counters.ts";
import { debianTool, runTool, toolTest } from "../support/processes/tool_test_case.ts";

/** Every series that a proxy can show: name → names of its labels. */
async function series(): Promise<Map<string, Set<string>>> {
  const view = new FakeView();
  view.open.push(skewedSession("1"));
  view.ended.informationLost.add("httpVals", 1);
  view.ended.fieldsStripped.add("httpVals", 1);
  view.ended.fieldsPadded.add("flowType", 1);
  increment(view.ended.pluginErrors, "strip-unknown", 1);
  view.certificates = [{ role: "listener", validFrom: new Date(), expiresAt: new Date() }];
  view.skew = { ...view.skew, lastSeen: new Date() };
  const known = new Map<string, Set<string>>();
  for (const line of (await createMetrics(view).scrape()).split("\n")) {
    const [, name, labels] = /^([a-z_]+)(?:\{(.*)\})? /.exec(line) ?? [];
    if (name === undefined) continue;
    const named = known.get(name) ?? new Set();
    for (const [, label = ""] of (labels ?? "").matchAll(/([a-z_]+)="/g)) named.add(label);
    known.set(name, named);
  }
  return known;
}

/** Labels that Prometheus itself adds. */
const ADDED = new Set(["job", "instance"]);

function namesOf(expression: string): string[] {
  return [...expression.matchAll(/\b(?:ipfix_proxy|process)_[a-z_]+/g)].map(([name]) => name);
}

function labelsOf(expression: string, known: Map<string, Set<string>>): Set<string> {
  return new Set(namesOf(expression).flatMap((name) => [...known.get(name) ?? []]));
}

/** What an expression names that no proxy has. */
function unknownIn(expression: string, known: Map<string, Set<string>>): string[] {
  const names = namesOf(expression);
  const labels = labelsOf(expression, known);
  const groups = [...expression.matchAll(/\b(?:by|on) \(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(", "));
  const matchers = [...expression.matchAll(/([a-z_]+)=~?"/g)].map(([, label = ""]) => label);
  return [
    ...names.filter((name) => !known.has(name)),
    ...[...groups, ...matchers].filter((label) => !ADDED.has(label) && !labels.has(label)),
    ...(names.length === 0 ? [`no metric in ${expression}`] : []),
  ];
}

Deno.test("every metric and label of the alert rules exists", async () => {
  const known = await series();
  const expressions = [...alerts.matchAll(/^ {8}expr: (.*)$/gm)].map(([, expression = ""]) => expression);
  assert.equal(expressions.length, alerts.match(/- alert: /g)?.length);
  for (const expression of expressions) assert.deepEqual(unknownIn(expression, known), [], expression);
  for (const [, tested = ""] of alertsTest.matchAll(/series: '([a-z_]+)/g)) assert.ok(known.has(tested), tested);
});

Deno.test("every metric and label of the Grafana dashboard exists, and panels do not cover each other", async () => {
  const known = await series();
  for (const { title, targets } of dashboard.panels) {
    for (const { expr, legendFormat } of targets) {
      assert.deepEqual(unknownIn(expr, known), [], `${title}: ${expr}`);
      const labels = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = ""]) => label);
      const left = expr.includes(" by (") ? /by \(([^)]*)\)/.exec(expr)?.[1]?.split(", ") ?? [] : undefined;
      for (const label of labels) {
        const here = left?.includes(label) ?? [...ADDED, ...labelsOf(expr, known)].includes(label);
        assert.ok(here, `${title}: ${legendFormat}`);
      }
    }
  }
  const places = new Set<string>();
  for (const { title, gridPos: { x, y, w, h } } of dashboard.panels) {
    assert.ok(x + w <= 24, title);
    for (let column = x; column < x + w; column++) {
      for (let row = y; row < y + h; row++) {
        assert.ok(!places.has(`${column},${row}`), title);
        places.add(`${column},${row}`);
      }
    }
  }
});

Deno.test("the check finds an unknown metric and an unknown label", async () => {
  const known = await series();
  assert.deepEqual(unknownIn("sum by (nobody) (ipfix_proxy_sessions)", known), ["nobody"]);
  assert.deepEqual(unknownIn('ipfix_proxy_sessoins{transport="tcp"}', known), ["ipfix_proxy_sessoins", "transport"]);
});

Deno.test("every alert is tried while it fires, and while it does not", () => {
  const tried = [...alertsTest.matchAll(/alertname: (\w+)\n +eval_time: \S+\n +exp_alerts:( \[\])?/g)];
  for (const [, alert = ""] of alerts.matchAll(/- alert: (\w+)/g)) {
    const outcomes = tried.filter(([, name]) => name === alert).map(([, , none]) => none === undefined);
    assert.deepEqual([outcomes.includes(true), outcomes.includes(false)], [true, true], alert);
    assert.equal(outcomes.at(-1), false, `${alert} ends with its cause`);
  }
});

const RULES = fileURLToPath(new URL("../../config/prometheus/", import.meta.url));

toolTest(
  debianTool("promtool", "prometheus"),
  "promtool takes the alert rules, and they fire when they should",
  async () => {
    await runTool("promtool", ["check", "rules", `${RULES}alerts.yaml`]);
    await runTool("promtool", ["test", "rules", `${RULES}alerts_test.yaml`]);
  },
);
