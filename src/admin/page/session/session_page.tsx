import type { RecentEvent } from "../../view/recent_events.ts";
import type { AdminView, AgentView, SessionView } from "../../view/view.ts";
import { sessionRow } from "../overview.ts";
import { Counts, duration, Events, Facts, Region, Statement } from "../parts.tsx";
import { LostValues } from "../losses.tsx";
import { Trouble } from "../sessions.tsx";
import { Template } from "./template.tsx";
import { number } from "../trouble.ts";
import { clock } from "../verdict.ts";

/** Everything that a session's page shows. */
export interface SessionPageState {
  readonly view: AdminView;
  readonly session: SessionView;
  readonly events: readonly RecentEvent[];
  readonly now: Date;
}

/** Most templates that a session's page shows; a session may have thousands. */
const TEMPLATES = 32;

/** Returns the session page's regions, in order. */
export function sessionRegions(state: SessionPageState) {
  const { view, session, events } = state;
  const templates = session.templates();
  const { counters } = session;
  return [
    <Head {...state} />,
    <Region id="lost" title={view.mode === "observe" ? "What would be lost" : "What was lost"}>
      <Counts
        rows={counters.informationLost}
        head={["Stripped field that carried a value", "Records"]}
        empty="No stripped field carried a value."
      />
      {counters.lostValues.size === 0 ? "" : <LostValues counters={counters} />}
      <Counts rows={counters.recordsDropped} head={["Reason for dropping", "Records"]} empty="No record was dropped." />
      {counters.referenceFaults.size === 0
        ? ""
        : <Counts rows={counters.referenceFaults} head={["References not corrected", "References"]} empty="" />}
      <Counts
        rows={counters.messagesRejected}
        head={["Reason for rejecting", "Messages"]}
        empty="No message was rejected."
      />
    </Region>,
    <Counted session={session} />,
    ...templates.slice(0, TEMPLATES).map((template) => <Template view={view} template={template} />),
    ...(templates.length > TEMPLATES
      ? [
        <Region id="more" title="More templates" class="wide">
          <p>
            {`${templates.length - TEMPLATES} more; all are in `}
            <a href={`/api/sessions/${encodeURIComponent(session.id)}`}>the session as JSON</a>.
          </p>
        </Region>,
      ]
      : []),
    <Region id="events" title="Last events" class="wide">
      <Events events={events.map(({ session: _, ...event }) => event)} />
    </Region>,
  ];
}

function Head({ view, session, now }: SessionPageState) {
  const { release, trouble } = sessionRow(view, session);
  const { id, peer, transport, certificateName, openedAt } = session;
  const domains = new Set(session.templates().map(({ observationDomain }) => observationDomain));
  const agent = view.agentOf?.({ peer, certificateName, observationDomains: [...domains] });
  return (
    <section id="session" class="card wide" aria-labelledby="session-title">
      <h1 id="session-title">Session {id}</h1>
      <p>
        <Trouble trouble={trouble} />
      </p>
      <Facts
        facts={[
          ["Peer", <code>{peer}</code>],
          ["Transport", transport],
          ["Certificate", certificateName ?? "none"],
          ["Release", release ?? "unknown"],
          ...(agent === undefined ? [] : [["Agent", describeAgent(agent)] as const]),
          ["Collector expects", view.collector.profile],
          ["Observation domains", [...domains].slice(0, 8).join(", ") || "none yet"],
          ["Open for", duration(now.getTime() - openedAt.getTime())],
        ]}
      />
    </section>
  );
}

/** `v2.0.0 on node-1 (by its Pod)` */
function describeAgent({ node, release, source }: AgentView): string {
  return release === undefined ? `on ${node}` : `${release} on ${node} (by its ${source})`;
}

function Counted({ session: { counters } }: { readonly session: SessionView }) {
  const records = (counts: ReadonlyMap<string, number>) =>
    [...counts].map(([key, many]) => `${key} ${many}`).join(", ");
  return (
    <Region id="counters" title="Counters">
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

/** What a session's page shows once the session has closed. */
export function gone(id: string, now: Date) {
  return (
    <section id="gone" class="card wide" aria-label="Session">
      <h1>Session {id}</h1>
      <Statement
        level="notice"
        sentence="This session is no longer open"
        detail={`It had closed by ${clock(now)}. Its counts are part of the totals.`}
      />
      <p>
        <a href="/">All sessions</a>
      </p>
    </section>
  );
}
