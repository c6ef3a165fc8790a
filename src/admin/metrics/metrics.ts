import { Counter, Gauge, Registry } from "prom-client";
import { Counters } from "../../mediation/templates/counters.ts";
import { momentOf } from "../view/moment.ts";
import { totalsOf } from "../view/totals.ts";
import type { AdminView } from "../view/view.ts";
import { COLLECTOR_METRICS } from "./definitions/collector_metrics.ts";
import type { MetricDefinition, Snapshot } from "./definitions/metric_definition.ts";
import { PROGRAM_METRICS } from "./definitions/program_metrics.ts";
import { recordMetrics } from "./definitions/record_metrics.ts";
import { SESSION_METRICS } from "./definitions/session_metrics.ts";
import { processMetrics } from "./process_metrics.ts";

/** The metrics in Prometheus text format. */
export interface Metrics {
  readonly contentType: string;
  scrape(): Promise<string>;
}

/** Registers all metrics. Each scrape reads them from the view anew. */
export function createMetrics(view: AdminView): Metrics {
  const registry = new Registry();
  let snapshot: Snapshot = { view, totals: new Counters(), observed: new Counters(), rewritten: new Counters() };
  const register = ({ kind, name, help, labels = [], read }: MetricDefinition): void => {
    const configuration = { name: `ipfix_proxy_${name}`, help, labelNames: labels, registers: [registry] };
    // Each scrape replaces what the last one read. The sources are monotonic, so the exposed counters are as well.
    if (kind === "counter") {
      new Counter({
        ...configuration,
        collect() {
          this.reset();
          for (const { labels, value } of read(snapshot)) this.inc(labels, value);
        },
      });
    } else {
      new Gauge({
        ...configuration,
        collect() {
          this.reset();
          // A metric without labels is 0 after that; this one may have no value at all.
          if (labels.length === 0) this.remove();
          for (const { labels, value } of read(snapshot)) this.set(labels, value);
        },
      });
    }
  };
  for (const definition of [...SESSION_METRICS, ...recordMetrics(), ...COLLECTOR_METRICS, ...PROGRAM_METRICS]) {
    register(definition);
  }
  processMetrics(registry, view.startedAt);
  return {
    contentType: registry.contentType,
    scrape: async () => {
      const { all: totals, observed, rewritten } = await totalsOf(view);
      snapshot = { view: momentOf(view), totals, observed, rewritten };
      return registry.metrics();
    },
  };
}
