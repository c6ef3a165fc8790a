import type { TransportProtocol } from "../../ipfix/message/transport_protocol.ts";
import {
  type CountersReport,
  countersReport,
  type LossesReport,
  lossesReport,
  type WouldLoseReport,
  wouldLoseReport,
} from "./counters_report.ts";
import { explainMapping, type Explanation } from "../../mediation/mapping/explanation.ts";
import { expectedBy } from "../view/collectors.ts";
import { agentOf, isConverted } from "../view/session_facts.ts";
import type { AdminView, AgentView, EndedSessionView, SessionView } from "../view/view.ts";

/** A template's state in a session, with the explanation of its mapping if it has one. */
export type TemplateReport = Partial<Explanation> & {
  readonly observationDomain: number;
  readonly template: number;
  /** The id that the collector receives it under; null if it is not sent. */
  readonly targetTemplate: number | null;
  readonly outcome: string;
  readonly detectedProfile?: string;
  /** Data records of this template so far. */
  readonly records: number;
};

/** One session in the answer of `/api/sessions`. */
export interface SessionReport {
  readonly id: string;
  readonly peer: string;
  readonly transport: TransportProtocol;
  readonly certificateName: string | null;
  /** Transport and address of the collector that it goes to; null while that takes its first template. */
  readonly collector: string | null;
  /** The profile that this collector expects; while it is not decided, that of most sessions' collector. */
  readonly expectedProfile: string;
  /** The exporter's release or range of releases, as detected from its templates: `antrea/v2.0`. */
  readonly detectedProfile: string | null;
  /** The Agent as its cluster knows it; missing: it does not, or there is none. */
  readonly agent?: AgentView;
  readonly observationDomains: readonly number[];
  /** ISO 8601. */
  readonly openedAt: string;
  readonly closing: boolean;
  readonly skewed: boolean;
  /** Whether it is converted between gRPC and IPFIX. */
  readonly converted: boolean;
  /** Whether it is only observed: then its losses are what would be lost. */
  readonly observed: boolean;
  /** When and how it ended; missing: it has not. */
  readonly ended?: {
    /** ISO 8601. */
    readonly at: string;
    readonly outcome: string;
    /** Templates that it had besides those that are kept. */
    readonly moreTemplates: number;
  };
  readonly templates: readonly TemplateReport[];
  readonly counters: CountersReport;
  readonly losses: LossesReport & {
    /** The part of these counts that was counted while the session was only observed: of it, nothing is lost. */
    readonly wouldLose: WouldLoseReport;
  };
}

/** What a report needs of the proxy besides the session. */
export type Viewed = Pick<AdminView, "mode" | "agentOf" | "collector" | "otherCollectors">;

/** Returns the state of a session: of one that is open, now, and of one that has ended, when it did. */
export function sessionReport(session: SessionView | EndedSessionView, view: Viewed): SessionReport {
  const templates = session.templates();
  const agent = agentOf(view, session, templates);
  const observationDomains = [...new Set(templates.map(({ observationDomain }) => observationDomain))];
  return {
    id: session.id,
    peer: session.peer,
    transport: session.transport,
    certificateName: session.certificateName ?? null,
    collector: session.collector ?? null,
    expectedProfile: expectedBy(view, session),
    detectedProfile: templates.find(({ detectedProfile }) => detectedProfile !== undefined)?.detectedProfile ?? null,
    ...(agent === undefined ? {} : { agent }),
    observationDomains,
    openedAt: session.openedAt.toISOString(),
    closing: session.closing,
    skewed: session.skewed,
    converted: isConverted(view, session),
    observed: session.observed,
    ...("endedAt" in session
      ? {
        ended: {
          at: session.endedAt.toISOString(),
          outcome: session.outcome,
          moreTemplates: session.moreTemplates,
        },
      }
      : {}),
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
    losses: { ...lossesReport(session.counters), wouldLose: wouldLoseReport(session.observedCounters) },
  };
}
