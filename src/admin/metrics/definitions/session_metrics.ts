import { TRANSPORT_PROTOCOLS } from "../../../ipfix/message/transport_protocol.ts";
import type { AdminView, SessionView } from "../../view/view.ts";
import { by, type MetricDefinition, one } from "./metric_definition.ts";

/** The outcome of sessions that were never opened. */
const REFUSED = "refused";
const VERDICTS = ["needed", "not_needed", "unknown"] as const;

/** The sessions whose exporter is connected. */
function openSessions(view: AdminView): SessionView[] {
  return view.sessions().filter(({ closing }) => !closing);
}

/** Exporters' sessions, and whether they need the proxy. */
export const SESSION_METRICS: readonly MetricDefinition[] = [
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
    help: "When a session last needed rewriting, in seconds since 1970-01-01 UTC; absent if none has since the start.",
    read: ({ view: { skew } }) => skew.lastSeen === undefined ? [] : one(skew.lastSeen.getTime() / 1000),
  },
];
