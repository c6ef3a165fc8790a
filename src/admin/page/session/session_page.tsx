import type { TemplateState } from "../../../mediation/session/session_rewriter.ts";
import type { RecentEvent } from "../../view/recent_events.ts";
import { agentOf } from "../../view/session_facts.ts";
import type { AdminView, AgentView, EndedSessionView, SessionView } from "../../view/view.ts";
import { outcomeWords } from "../dashboard/ended.tsx";
import { sessionRow } from "../overview.ts";
import { Events, Facts, Region, Statement } from "../parts.tsx";
import { clock, duration, number } from "../format.ts";
import { expectedBy } from "../../view/collectors.ts";
import { type CountedPart, LossTables, partsOf } from "../losses.tsx";
import { Trouble } from "../sessions.tsx";
import { Template } from "./template.tsx";

/** Everything that a session's page shows. */
export interface SessionPageState {
  readonly view: AdminView;
  readonly session: SessionView | EndedSessionView;
  readonly events: readonly RecentEvent[];
  readonly now: Date;
}

/**
 * Most templates that a session's page shows, and most fields of one and of all; a session may have thousands. 256
 * fields take some 10 ms.
 */
const [TEMPLATES, FIELDS, FIELDS_IN_ALL] = [32, 256, 2_048];

/** Returns the session page's regions, in order. */
export function sessionRegions(state: SessionPageState) {
  const { view, session, events } = state;
  const templates = session.templates();
  const { observed, observedCounters, rewrittenCounters } = session;
  const parts = partsOf({ rewritten: rewrittenCounters, observed: observedCounters }, observed);
  let fieldsLeft = FIELDS_IN_ALL;
  const fieldsShown = ({ mapping }: TemplateState): number => {
    const shown = Math.min(FIELDS, fieldsLeft);
    fieldsLeft -= Math.min(shown, Math.max(mapping?.source.fields.length ?? 0, mapping?.fields.length ?? 0));
    return shown;
  };
  const more = Math.max(0, templates.length - TEMPLATES) + ("moreTemplates" in session ? session.moreTemplates : 0);
  return [
    <Head {...state} />,
    <Region id="lost" title={lossTitle(parts)} class="wide">
      <LossTables parts={parts} />
    </Region>,
    <Counted session={session} />,
    ...templates.slice(0, TEMPLATES).map((template) => (
      <Template
        expected={expectedBy(view, session)}
        template={template}
        observed={observed}
        most={fieldsShown(template)}
        all={sessionJson(session)}
      />
    )),
    ...(more > 0
      ? [
        <Region id="more" title="More templates" class="wide">
          <p>
            {`${number(more)} more; what is known of them is in `}
            <a href={sessionJson(session)}>the session as JSON</a>.
          </p>
        </Region>,
      ]
      : []),
    <Region id="events" title="Last events" class="wide">
      <Events events={events.map(({ session: _, ...event }) => event)} empty="No event of this session is kept." />
    </Region>,
  ];
}

function sessionJson({ id }: Pick<SessionView, "id">): string {
  return `/api/sessions/${encodeURIComponent(id)}`;
}

function lossTitle(parts: readonly CountedPart[]): string {
  return `What ${parts.map(({ observed }) => observed ? "would be" : "was").join(" and what ")} lost`;
}

function Head({ view, session, now }: SessionPageState) {
  const { release, trouble, verdict } = sessionRow(view, session);
  const { id, peer, transport, certificateName, openedAt } = session;
  const templates = session.templates();
  const domains = new Set(templates.map(({ observationDomain }) => observationDomain));
  const agent = agentOf(view, session, templates);
  const until = "endedAt" in session ? session.endedAt : now;
  return (
    <section
      id="session"
      class="card wide"
      aria-labelledby="session-title"
      data-ended={"endedAt" in session ? "true" : undefined}
    >
      <h1 id="session-title">Session {id}</h1>
      {"endedAt" in session
        ? (
          <Statement
            level="notice"
            sentence="This session is no longer open"
            detail={`It ended at ${clock(session.endedAt)}: ${outcomeWords(session.outcome)}.`}
          />
        )
        : ""}
      <p>
        <Trouble trouble={trouble} verdict={verdict} />
        {session.observed ? " only observed: relayed untouched" : ""}
      </p>
      <Facts
        facts={[
          ["Peer", <code>{peer}</code>],
          ...(agent === undefined ? [] : [["Node", agent.node] as const]),
          ["Transport", transport],
          ["Certificate", certificateName ?? "none"],
          ["Release", release ?? "unknown"],
          ...(agent?.release === undefined ? [] : [["Agent", describeAgent(agent)] as const]),
          ...(session.collector === undefined ? [] : [["Collector", <code>{session.collector}</code>] as const]),
          ["Collector expects", expectedBy(view, session)],
          ["Observation domains", [...domains].slice(0, 8).join(", ") || "none yet"],
          ["endedAt" in session ? "Was open for" : "Open for", duration(until.getTime() - openedAt.getTime())],
        ]}
      />
    </section>
  );
}

/** `v2.0.0 (by its Pod)` */
function describeAgent({ release, source }: AgentView): string {
  return `${release} (by its ${source})`;
}

function Counted({ session: { counters } }: { readonly session: SessionView }) {
  const records = (counts: ReadonlyMap<string, number>) =>
    [...counts].map(([key, many]) => `${key} ${many}`).join(", ");
  return (
    <Region id="counters" title="Counters" class="wide">
      <Facts
        facts={[
          ["Messages in", number(counters.messagesReceived)],
          ["Messages out", number(counters.messagesSent)],
          ["Records in", number(counters.recordsReceived)],
          ["Records out", number(counters.recordsSent)],
          ["Octets in", number(counters.octetsReceived)],
          ["Octets out", number(counters.octetsSent)],
          ["Sequence gaps", number(counters.sequenceGaps)],
          ["Templates", records(counters.templates) || "none"],
          ...(counters.pluginErrors.size === 0 ? [] : [["Plugin errors", records(counters.pluginErrors)] as const]),
        ]}
      />
    </Region>
  );
}

/** What a session's page shows if no session of this id is open or kept. */
export function unknownSession(id: string) {
  return (
    <section id="gone" class="card wide" aria-label="Session">
      <h1>Session {id}</h1>
      <Statement
        level="notice"
        sentence="This session is not open"
        detail="It is not one of the latest thousand that ended within the last hour either. What an older one counted is part of the totals. Numbers begin at 1 whenever the proxy starts."
      />
      <p>
        <a href="/">All sessions</a>
      </p>
    </section>
  );
}
