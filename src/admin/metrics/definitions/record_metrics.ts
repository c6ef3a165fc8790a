import { REJECT_REASONS } from "../../../ipfix/octets/decode_error.ts";
import { DROP_REASONS, REFERENCE_FAULTS, TEMPLATE_OUTCOMES } from "../../../mediation/templates/event.ts";
import { BoundedLabels } from "../bounded_labels.ts";
import { by, type MetricDefinition, one, type Sample } from "./metric_definition.ts";

function byDirection(received: number, sent: number): Sample[] {
  return [{ labels: { direction: "received" }, value: received }, { labels: { direction: "sent" }, value: sent }];
}

/**
 * Messages, templates and records. Made for each registry, since the label values that a metric has had are bounded and
 * remembered.
 */
export function recordMetrics(): MetricDefinition[] {
  const elements = { named: 1024, unknown: 64 };
  const stripped = new BoundedLabels(elements);
  const padded = new BoundedLabels(elements);
  const lost = new BoundedLabels(elements);
  const wouldBeLost = new BoundedLabels(elements);
  const plugins = new BoundedLabels({ named: 64, unknown: 0 });
  return [
    {
      kind: "counter",
      name: "messages_total",
      help:
        "IPFIX messages received from exporters and sent to the collector; of observed sessions, that would be sent.",
      labels: ["direction"],
      read: ({ totals }) => byDirection(totals.messagesReceived, totals.messagesSent),
    },
    {
      kind: "counter",
      name: "records_total",
      help:
        "Data records, options data included, received from exporters and sent to the collector; of observed sessions, that would be sent.",
      labels: ["direction"],
      read: ({ totals }) => byDirection(totals.recordsReceived, totals.recordsSent),
    },
    {
      kind: "counter",
      name: "records_resent_total",
      help: "Data records sent again over a new connection because the lost one had not delivered them.",
      read: ({ totals }) => one(totals.recordsResent),
    },
    {
      kind: "counter",
      name: "octets_total",
      help:
        "Octets of IPFIX messages received from exporters and sent to the collector; of observed sessions, that would be sent.",
      labels: ["direction"],
      read: ({ totals }) => byDirection(totals.octetsReceived, totals.octetsSent),
    },
    {
      kind: "counter",
      name: "records_dropped_total",
      help:
        "Data records not sent to the collector, by reason; of observed sessions, that would not be. A set whose records cannot be counted counts as one.",
      labels: ["reason"],
      read: ({ totals }) => by("reason", totals.recordsDropped, DROP_REASONS),
    },
    {
      kind: "counter",
      name: "messages_rejected_total",
      help:
        "Received messages that violate RFC 7011 and were refused as a whole, by reason; of observed sessions, that would be.",
      labels: ["reason"],
      read: ({ totals }) => by("reason", totals.messagesRejected, REJECT_REASONS),
    },
    {
      kind: "counter",
      name: "templates_total",
      help: "Template records received, by outcome; in observe mode, by what the outcome would be.",
      labels: ["outcome"],
      read: ({ totals }) => by("outcome", totals.templates, TEMPLATE_OUTCOMES),
    },
    {
      kind: "counter",
      name: "fields_stripped_total",
      help:
        "Data records from which a field was stripped, by information element; in observe mode, those that would be.",
      labels: ["element"],
      read: ({ totals }) => by("element", stripped.fold(totals.fieldsStripped)),
    },
    {
      kind: "counter",
      name: "fields_padded_total",
      help: "Data records to which a field was added, by information element; in observe mode, those that would be.",
      labels: ["element"],
      read: ({ totals }) => by("element", padded.fold(totals.fieldsPadded)),
    },
    {
      kind: "counter",
      name: "information_lost_records_total",
      help:
        "Data records that lost a value, by information element: a stripped field carried something other than its type's default, a value was too large for the collector's type, or a list refers to less than it did; not those of observed sessions, which lose nothing.",
      labels: ["element"],
      read: ({ rewritten }) => by("element", lost.fold(rewritten.informationLost)),
    },
    {
      kind: "counter",
      name: "information_would_be_lost_records_total",
      help: "Data records of observed sessions that would lose a value, by information element.",
      labels: ["element"],
      read: ({ observed }) => by("element", wouldBeLost.fold(observed.informationLost)),
    },
    {
      kind: "counter",
      name: "reference_faults_total",
      help:
        "References to templates (RFC 6313 lists, flow keys, template ids) in sent records that could not be corrected, by fault.",
      labels: ["fault"],
      read: ({ totals }) => by("fault", totals.referenceFaults, REFERENCE_FAULTS),
    },
    {
      kind: "counter",
      name: "plugin_errors_total",
      help: "Template mappings that a plugin failed to make, by plugin.",
      labels: ["plugin"],
      read: ({ totals }) => by("plugin", plugins.fold(totals.pluginErrors)),
    },
    {
      kind: "counter",
      name: "exporter_sequence_gaps_total",
      help:
        "Gaps in exporters' sequence numbers, each of one or more missing records; a number that came before counts as one. Over UDP a gap counts once the exporter's clock is 10 seconds past it, or with the session's end, since messages overtake each other.",
      read: ({ totals }) => one(totals.sequenceGaps),
    },
  ];
}
