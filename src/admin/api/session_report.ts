import type { TransportProtocol } from "../../ipfix/transport_protocol.ts";
import { type CountersReport, countersReport, type LossesReport, lossesReport } from "./counters_report.ts";
import { explainMapping, type Explanation } from "../../mediation/mapping/explanation.ts";
import type { SessionView } from "../view/view.ts";

/** A template as it stands in a session; with its mapping's keys where it has one. */
export type TemplateReport = Partial<Explanation> & {
  readonly observationDomain: number;
  readonly template: number;
  /** Id under which the collector gets it; null: it does not. */
  readonly targetTemplate: number | null;
  readonly outcome: string;
  readonly detectedProfile?: string;
  /** Data records of it so far. */
  readonly records: number;
};

/** What `/api/sessions` answers for each session. */
export interface SessionReport {
  readonly id: string;
  readonly peer: string;
  readonly transport: TransportProtocol;
  readonly certificateName: string | null;
  /** The exporter's release or range of releases, as read off its templates: `antrea/v2.0`. */
  readonly detectedProfile: string | null;
  readonly observationDomains: readonly number[];
  /** ISO 8601. */
  readonly openedAt: string;
  readonly closing: boolean;
  readonly skewed: boolean;
  readonly templates: readonly TemplateReport[];
  readonly counters: CountersReport;
  readonly losses: LossesReport;
}

/** The session at this moment. */
export function sessionReport(session: SessionView): SessionReport {
  const templates = session.templates();
  return {
    id: session.id,
    peer: session.peer,
    transport: session.transport,
    certificateName: session.certificateName ?? null,
    detectedProfile: templates.find(({ detectedProfile }) => detectedProfile !== undefined)?.detectedProfile ?? null,
    observationDomains: [...new Set(templates.map(({ observationDomain }) => observationDomain))],
    openedAt: session.openedAt.toISOString(),
    closing: session.closing,
    skewed: session.skewed,
    templates: templates.map((state) => ({
      observationDomain: state.observationDomain,
      template: state.template,
      targetTemplate: state.targetTemplate ?? null,
      outcome: state.outcome,
      ...(state.detectedProfile === undefined ? {} : { detectedProfile: state.detectedProfile }),
      records: state.records,
      ...(state.mapping === undefined ? {} : explainMapping(state.mapping)),
    })),
    counters: countersReport(session.counters),
    losses: lossesReport(session.counters),
  };
}

/** All sessions as the octets of one JSON array, a session at a time: thousands of them never stop the data path for long. */
export function sessionsStream(sessions: readonly SessionView[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let next = 0;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const session = sessions[next];
      if (session === undefined) {
        controller.enqueue(encoder.encode(next === 0 ? "[]" : "]"));
        controller.close();
        return;
      }
      controller.enqueue(encoder.encode((next++ === 0 ? "[" : ",") + JSON.stringify(sessionReport(session))));
      // Every 16 sessions, sockets get their turn even where the reader is as fast as this.
      if (next % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    },
  });
}
