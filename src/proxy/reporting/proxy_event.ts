import type { MediationEvent } from "../../mediation/templates/event.ts";
import type { EventName } from "./event_name.ts";

export type EventLevel = "debug" | "info" | "warning" | "error";

/** The fields of an event: JSON values, under the names that log lines use. */
export interface EventFields {
  readonly session?: string;
  /** `address:port` of the exporter. */
  readonly peer?: string;
  readonly [field: string]: unknown;
}

/** Something that happened in the proxy, as it is logged and streamed. Never reported per record. */
export interface ProxyEvent {
  readonly level: EventLevel;
  readonly event: EventName;
  readonly message: string;
  readonly fields: EventFields;
  /** The mediation event that this one reports, mapping included. */
  readonly mediation?: MediationEvent;
}

/** Receives events in order, synchronously. */
export type ReportEvent = (event: ProxyEvent) => void;

/** Reports an event of one session, adding its id and peer. */
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
