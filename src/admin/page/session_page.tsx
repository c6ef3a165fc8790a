import type { AdminEvent, AdminView, SessionView } from "../view.ts";
import type { TemplateState } from "../../mediation/session_rewriter.ts";
import { Trouble } from "./dashboard.tsx";
import { sessionRow } from "./overview.ts";
import { Counts, duration, Events, Facts, Region, Scroll } from "./parts.tsx";
import { type Change, type DiffField, type DiffRow, templateDiff } from "./template_diff.ts";
import { number } from "./trouble.ts";

/** All that a session's page shows. */
export interface SessionPageState {
  readonly view: AdminView;
  readonly session: SessionView;
  readonly events: readonly AdminEvent[];
  readonly now: Date;
}

/** Templates of one session that are shown: a session may have thousands. */
const TEMPLATES = 32;

/** The session page's regions, in the order in which they stand. */
export function sessionRegions(state: SessionPageState) {
  const { view, session, events } = state;
  const templates = session.templates();
  const { counters } = session;
  return [
    <Head {...state} />,
    <Region id="lost" title={view.mode === "observe" ? "What would be lost" : "What was lost"}>
      <Counts
        rows={counters.informationLost}
        head={["Stripped, though it carried a value", "Records"]}
        empty="No stripped field carried a value."
      />
      <Counts rows={counters.recordsDropped} head={["Dropped because of", "Records"]} empty="No record was dropped." />
      <Counts
        rows={counters.messagesRejected}
        head={["Rejected because of", "Messages"]}
        empty="No message was rejected."
      />
    </Region>,
    <Counted session={session} />,
    ...templates.slice(0, TEMPLATES).map((template) => <Template view={view} template={template} />),
    ...(templates.length > TEMPLATES
      ? [
        <Region id="more" title="More templates" class="wide">
          <p>
            {`${templates.length - TEMPLATES} more: all are in `}
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
          ["Collector expects", view.collector.profile],
          ["Observation domains", [...domains].slice(0, 8).join(", ") || "none yet"],
          ["Open for", duration(now.getTime() - openedAt.getTime())],
        ]}
      />
    </section>
  );
}

const WORDS: Readonly<Record<Change, readonly [sign: string, word: string]>> = {
  kept: ["=", "kept"],
  stripped: ["−", "stripped"],
  padded: ["+", "padded"],
  moved: ["↕", "moved"],
  changed: ["~", "changed"],
};

const OUTCOMES: Readonly<Record<string, string>> = {
  identity: "goes on as it came",
  rewritten: "is rewritten",
  refused: "is refused: its records are dropped",
  replaced: "is rewritten by an earlier mapping, as a plugin failed",
};

function Template({ view, template: state }: { readonly view: AdminView; readonly template: TemplateState }) {
  const { observationDomain, template, targetTemplate, outcome, mapping } = state;
  const rows = mapping === undefined ? [] : templateDiff(mapping);
  const id = `template-${observationDomain}-${template}`;
  const tally = (change: Change) => rows.filter((row) => row.change === change && countsOnce(row)).length;
  const changes = (["kept", "stripped", "padded", "moved", "changed"] as const)
    .map((change) => [change, tally(change)] as const).filter(([, many]) => many > 0);
  return (
    <Region id={id} title={`Template ${template} ${outcomeOf(outcome, view.mode === "observe")}`} class="wide template">
      <p class="legend">
        {changes.map(([change, many]) => (
          <>
            <span class={`tag ${change}`}>
              <span aria-hidden="true">{WORDS[change][0]}</span> {number(many)} {WORDS[change][1]}
            </span>
            {" "}
          </>
        ))}
      </p>
      <p class="none">
        {`Observation domain ${observationDomain}. `}
        {targetTemplate === undefined
          ? "The collector does not get it."
          : `Template ${targetTemplate} for the collector.`}
      </p>
      {rows.length === 0 ? "" : (
        <>
          <label class="only">
            <input type="checkbox" checked /> Only what is different
          </label>
          {outcome === "identity" ? <p class="none same">Nothing is different.</p> : ""}
          <Scroll label={`Fields of template ${template}`}>
            <table class="diff">
              <thead>
                <tr>
                  <th scope="col" colspan={2}>The exporter sends</th>
                  <th scope="col" class="sign">
                    <span class="hidden">Change</span>
                  </th>
                  <th scope="col" colspan={2}>The collector gets ({view.collector.profile})</th>
                  <th scope="col">Why</th>
                </tr>
              </thead>
              <tbody>{rows.map((row) => <Difference {...row} />)}</tbody>
            </table>
          </Scroll>
        </>
      )}
    </Region>
  );
}

function outcomeOf(outcome: string, observed: boolean): string {
  const words = OUTCOMES[outcome] ?? outcome;
  return observed && outcome !== "identity" ? words.replace("is ", "would be ") : words;
}

/** A field that moved has two rows. */
function countsOnce({ change, target }: DiffRow): boolean {
  return change !== "moved" || target !== undefined;
}

function Difference({ change, source, target, note }: DiffRow) {
  const [sign, word] = WORDS[change];
  return (
    <tr class={change}>
      <Side field={source} />
      <td class="sign">
        <span aria-hidden="true">{sign}</span>
        <span class="hidden">{word}</span>
      </td>
      <Side field={target} />
      <td class="why">{change === "kept" ? "" : `${word}${note === undefined ? "" : ` ${note}`}`}</td>
    </tr>
  );
}

function Side({ field }: { readonly field: DiffField | undefined }) {
  if (field === undefined) {
    return (
      <>
        <td class="place"></td>
        <td></td>
      </>
    );
  }
  return (
    <>
      <td class="place">{field.place}</td>
      <td>
        <code>{field.name}</code>
        <small>{field.length}</small>
      </td>
    </>
  );
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
