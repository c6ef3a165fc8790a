import { TRANSPORT_PROTOCOLS } from "../../ipfix/message/transport_protocol.ts";
import { REJECT_REASONS } from "../../ipfix/octets/decode_error.ts";
import type { Counters } from "../../mediation/templates/counters.ts";
import { DROP_REASONS, REFERENCE_FAULTS, TEMPLATE_OUTCOMES } from "../../mediation/templates/event.ts";
import { allCollectors, heldOctets, recordsInHand } from "../view/collectors.ts";
import type { AdminView, CollectorView, SessionView } from "../view/view.ts";
import { BoundedLabels } from "./bounded_labels.ts";

/** One series of a metric at the moment of a scrape. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The state that all metrics of one scrape read. */
export interface Snapshot {
  readonly view: AdminView;
  readonly totals: Counters;
  /** The parts of them that were counted while sessions were observed, and while they were not. */
  readonly observed: Counters;
  readonly rewritten: Counters;
}

/** A metric: its name without prefix, what it counts in which unit, its labels, and how it is read. */
export interface MetricDefinition {
  readonly kind: "counter" | "gauge";
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly read: (snapshot: Snapshot) => Iterable<Sample>;
}

/** The outcome of sessions that were never opened. */
const REFUSED = "refused";
const VERDICTS = ["needed", "not_needed", "unknown"] as const;
const MEMORY_STATES = ["ample", "tight", "full"] as const;
const RELOAD_OUTCOMES = ["applied", "refused"] as const;

/** The sessions whose exporter is connected. */
function openSessions(view: AdminView): SessionView[] {
  return view.sessions().filter(({ closing }) => !closing);
}

function one(value: number): Sample[] {
  return [{ labels: {}, value }];
}

/** One sample without labels for the collector of most sessions, and a labelled one for each that peers name. */
function byCollector(view: AdminView, read: (collector: CollectorView) => number | undefined): Sample[] {
  return allCollectors(view).flatMap((collector, index) => {
    const value = read(collector);
    if (value === undefined) return [];
    return [{ labels: index === 0 ? {} : { collector: collector.key ?? collector.address }, value }];
  });
}

function byDirection(received: number, sent: number): Sample[] {
  return [{ labels: { direction: "received" }, value: received }, { labels: { direction: "sent" }, value: sent }];
}

/** Returns a sample for each key: first those that are always exposed, even at 0, then all others counted. */
function by(label: string, counts: ReadonlyMap<string, number> = new Map(), always: readonly string[] = []): Sample[] {
  const all = new Map<string, number>(always.map((key) => [key, 0]));
  for (const [key, count] of counts) all.set(key, count);
  return [...all].map(([key, value]) => ({ labels: { [label]: key }, value }));
}

/**
 * Every metric but those of the process. Made for each registry, since the label values that a metric has had are bounded
 * and remembered.
 */
export function metricDefinitions(): MetricDefinition[] {
  const elements = { named: 1024, unknown: 64 };
  const stripped = new BoundedLabels(elements);
  const padded = new BoundedLabels(elements);
  const lost = new BoundedLabels(elements);
  const wouldBeLost = new BoundedLabels(elements);
  const plugins = new BoundedLabels({ named: 64, unknown: 0 });
  return [
    {
      kind: "gauge",
      name: "sessions",
      help: "Sessions whose exporter is connected, by transport.",
      labels: ["transport"],
      read: ({ view }) => {
        const open = new Map<string, number>();
        for (const { transport } of openSessions(view)) open.set(transport, (open.get(transport) ?? 0) + 1);
        return by("transport", open, TRANSPORT_PROTOCOLS);
      },
    },
    {
      kind: "gauge",
      name: "memory_limit_octets",
      help: "limits.memory: the resident memory that the process does not pass.",
      read: ({ view: { memory } }) => memory === undefined ? [] : one(memory.limit),
    },
    {
      kind: "gauge",
      name: "memory_state",
      help:
        "1 for how much memory is left: ample; tight, so that sessions which take most are closed; or full, so that exporters are refused and templates wait as well.",
      labels: ["state"],
      read: ({ view: { memory } }) =>
        memory === undefined
          ? []
          : MEMORY_STATES.map((state) => ({ labels: { state }, value: state === memory.state ? 1 : 0 })),
    },
    {
      kind: "gauge",
      name: "closing_sessions",
      help: "Sessions whose exporter has gone, and whose remaining octets are being delivered.",
      read: ({ view }) => one(view.sessions().filter(({ closing }) => closing).length),
    },
    {
      kind: "gauge",
      name: "observed_sessions",
      help:
        "Open sessions that are only observed: they are relayed untouched, and what they count as lost is what would be.",
      read: ({ view }) => one(openSessions(view).filter(({ observed }) => observed).length),
    },
    {
      kind: "counter",
      name: "sessions_total",
      help: "Exporter sessions that ended or were refused, by transport and outcome.",
      labels: ["transport", "outcome"],
      read: ({ view }) => {
        const outcomes = [...view.sessionOutcomes()];
        const missing = TRANSPORT_PROTOCOLS.filter((transport) =>
          !outcomes.some((one) => one.transport === transport && one.outcome === REFUSED)
        );
        return [...missing.map((transport) => ({ transport, outcome: REFUSED, count: 0 })), ...outcomes].map((
          { transport, outcome, count },
        ) => ({ labels: { transport, outcome }, value: count }));
      },
    },
    {
      kind: "counter",
      name: "handshake_failures_total",
      help: "TLS handshakes with exporters that failed, by reason.",
      labels: ["reason"],
      read: ({ view }) => by("reason", view.handshakeFailures),
    },
    {
      kind: "gauge",
      name: "skewed_sessions",
      help: "Open exporter sessions with at least one template that needs rewriting.",
      read: ({ view }) => one(openSessions(view).filter(({ skewed, silent }) => skewed && silent !== true).length),
    },
    {
      kind: "gauge",
      name: "verdict",
      help:
        "Whether the proxy is needed: 1 for one of needed, not_needed (it can be removed) and unknown, 0 for the others.",
      labels: ["verdict"],
      read: ({ view: { verdict } }) =>
        VERDICTS.map((each) => ({ labels: { verdict: each }, value: each === verdict.verdict ? 1 : 0 })),
    },
    {
      kind: "gauge",
      name: "skew_last_seen_timestamp_seconds",
      help:
        "When a session last needed rewriting, in seconds since 1970-01-01 UTC; absent if none has since the start.",
      read: ({ view: { skew } }) => skew.lastSeen === undefined ? [] : one(skew.lastSeen.getTime() / 1000),
    },
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
    {
      kind: "counter",
      name: "log_lines_dropped_total",
      help: "Log lines dropped because standard error was not read in time.",
      read: ({ view }) => one(view.logLinesDropped ?? 0),
    },
    {
      kind: "counter",
      name: "template_cache_writes_total",
      help: "Attempts to write the cache of templates over UDP, by outcome: written or failed.",
      labels: ["outcome"],
      read: ({ view: { templateCache } }) =>
        templateCache === undefined ? [] : by("outcome", new Map(Object.entries(templateCache.writes))),
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
    {
      kind: "counter",
      name: "config_reloads_total",
      help: "Attempts to reload the configuration, by outcome.",
      labels: ["outcome"],
      read: ({ view }) => by("outcome", view.configReloads, RELOAD_OUTCOMES),
    },
    {
      kind: "gauge",
      name: "config_last_reload_successful",
      help: "0 from the moment a changed configuration is refused until a good one is loaded; otherwise 1.",
      read: ({ view }) => one(view.refusedConfiguration === undefined ? 1 : 0),
    },
    {
      kind: "gauge",
      name: "certificate_expiry_timestamp_seconds",
      help: "Earliest expiry of a certificate, by role, in seconds since 1970-01-01 UTC.",
      labels: ["role"],
      read: ({ view }) => {
        const first = new Map<string, number>();
        for (const { role, expiresAt } of view.certificates ?? []) {
          first.set(role, Math.min(first.get(role) ?? Infinity, expiresAt.getTime() / 1000));
        }
        return by("role", first);
      },
    },
    {
      kind: "gauge",
      name: "certificate_valid_from_timestamp_seconds",
      help: "Latest time from which a certificate is valid, by role, in seconds since 1970-01-01 UTC.",
      labels: ["role"],
      read: ({ view }) => {
        const last = new Map<string, number>();
        for (const { role, validFrom } of view.certificates ?? []) {
          last.set(role, Math.max(last.get(role) ?? -Infinity, validFrom.getTime() / 1000));
        }
        return by("role", last);
      },
    },
    {
      kind: "gauge",
      name: "build_info",
      help: "Always 1; its labels are the versions of the proxy and of Deno.",
      labels: ["version", "deno"],
      read: ({ view }) => [{ labels: { version: view.version, deno: Deno.version.deno }, value: 1 }],
    },
  ];
}
