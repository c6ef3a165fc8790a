import type { MediationEvent } from "../../mediation/templates/event.ts";
import type { EventName } from "./event_name.ts";

export type EventLevel = "debug" | "info" | "warning" | "error";

/** What is said of an event beside its message: JSON values, named as log lines name them. */
export interface EventFields {
  readonly session?: string;
  /** `address:port` of the exporter. */
  readonly peer?: string;
  readonly [field: string]: unknown;
}

/** Something that happened in the proxy: a log line, and an entry of the event stream. Never once per record. */
export interface ProxyEvent {
  readonly level: EventLevel;
  readonly event: EventName;
  readonly message: string;
  readonly fields: EventFields;
  /** The event of the mediation that this one passes on, mapping included. */
  readonly mediation?: MediationEvent;
}

/** Receives events in order, synchronously. */
export type ReportEvent = (event: ProxyEvent) => void;

/** Reports an event of one session, whose id and peer are added. */
export type ReportOfSession = (
  level: EventLevel,
  event: EventName,
  message: string,
  fields?: EventFields,
  mediation?: MediationEvent,
) => void;

/**
 * Reports events of one session.
 *
 * @param peer `address:port` of its exporter
 */
export function reportOfSession(report: ReportEvent, session: string, peer: string): ReportOfSession {
  return (level, event, message, fields, mediation) =>
    report({
      level,
      event,
      message,
      fields: { session, peer, ...fields },
      ...(mediation === undefined ? {} : { mediation }),
    });
}
