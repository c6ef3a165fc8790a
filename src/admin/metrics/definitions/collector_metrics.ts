import { allCollectors, heldOctets, recordsInHand } from "../../view/collectors.ts";
import type { AdminView, CollectorView } from "../../view/view.ts";
import { by, type MetricDefinition, one, type Sample } from "./metric_definition.ts";

/** One sample without labels for the default collector, and a labelled one for each that peers name. */
function byCollector(view: AdminView, read: (collector: CollectorView) => number | undefined): Sample[] {
  return allCollectors(view).flatMap((collector, index) => {
    const value = read(collector);
    if (value === undefined) return [];
    return [{ labels: index === 0 ? {} : { collector: collector.key ?? collector.address }, value }];
  });
}

/** Collectors, and what waits for them. */
export const COLLECTOR_METRICS: readonly MetricDefinition[] = [
  {
    kind: "gauge",
    name: "collector_up",
    help:
      "1 while the collector accepts connections, 0 while it does not; absent until it was first tried. With the label collector: one that peers name.",
    labels: ["collector"],
    read: ({ view }) => byCollector(view, ({ state, up }) => state === "idle" ? undefined : up ? 1 : 0),
  },
  {
    kind: "counter",
    name: "collector_epochs_total",
    help: "Collector processes seen so far; each starts without the templates that the previous one had.",
    labels: ["collector"],
    read: ({ view }) => byCollector(view, ({ epoch }) => epoch),
  },
  {
    kind: "counter",
    name: "collector_candidate_steps_total",
    help: "Times that another of collector.candidates was tried.",
    labels: ["collector"],
    read: ({ view }) => byCollector(view, ({ candidates }) => candidates?.steps ?? 0),
  },
  {
    kind: "counter",
    name: "collector_connections_total",
    help: "Attempts to connect to the collector, by outcome.",
    labels: ["outcome"],
    read: ({ view }) => by("outcome", view.collector.connections),
  },
  {
    kind: "counter",
    name: "collector_replayed_templates_total",
    help: "Template records sent to the collector again after reconnecting.",
    read: ({ view }) => one(view.collector.replayedTemplates),
  },
  {
    kind: "counter",
    name: "collector_possibly_lost_records_total",
    help: "Upper bound of the data records lost with broken collector connections; often fewer were lost.",
    read: ({ view }) => one(view.collector.recordsPossiblyLost),
  },
  {
    kind: "gauge",
    name: "held_octets",
    help: "Octets waiting in the proxy for the collector.",
    read: ({ view }) => one(heldOctets(view)),
  },
  {
    kind: "gauge",
    name: "records_in_hand",
    help:
      "Data records that were received and are neither sent nor dropped yet; those in octets not read yet are in none of these.",
    read: ({ view }) => one(recordsInHand(view)),
  },
];
