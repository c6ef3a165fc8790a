import type { Counters } from "../../mediation/counters.ts";
import type { RateSample } from "../rate_history.ts";
import type { AdminEvent, AdminView } from "../view.ts";
import { Configuration } from "./configuration.tsx";
import type { Overview, ReleaseRow, SessionRow } from "./overview.ts";
import { Counts, duration, Events, Facts, Region, Scroll, sessionPath, Statement } from "./parts.tsx";
import { count, number } from "./trouble.ts";
import { clock, health, losses, verdict } from "./verdict.ts";

/** All that the dashboard shows. */
export interface DashboardState {
  readonly view: AdminView;
  readonly overview: Overview;
  readonly rates: RateSample | undefined;
  readonly events: readonly AdminEvent[];
  readonly now: Date;
}

/** A proxy with the counts of all its sessions, at one moment. */
interface Totalled {
  readonly view: AdminView;
  readonly totals: Counters;
}

/** The dashboard's regions, in the order in which they stand. */
export function dashboardRegions(state: DashboardState) {
  const { view, overview, rates, events, now } = state;
  // Once for all of them: it looks at every session.
  const totals = view.totals();
  return [
    <Verdict view={view} totals={totals} />,
    <Figures view={view} totals={totals} rates={rates} />,
    <Releases view={view} overview={overview} />,
    <Collector view={view} now={now} />,
    <Sessions overview={overview} />,
    <Losses view={view} totals={totals} />,
    <Region id="events" title="Last events" class="wide">
      <Events events={events.slice(0, 15)} />
    </Region>,
    <Configuration view={view} />,
  ];
}

function Verdict({ view, totals }: Totalled) {
  return (
    <section id="verdict" class="verdict wide" aria-label="Health">
      <h1 class="hidden">Dashboard</h1>
      <Statement {...health(view, totals)} />
      <Statement {...verdict(view)} />
    </section>
  );
}

function Figures({ view, totals, rates }: Totalled & { readonly rates: RateSample | undefined }) {
  const rate = (value: number | undefined) => value === undefined ? "–" : `${number(Math.round(value * 10) / 10)}/s`;
  const figures = [
    ["Records in", number(totals.recordsReceived), rate(rates?.received)],
    ["Records out", number(totals.recordsSent), rate(rates?.sent)],
    ["Dropped", number([...totals.recordsDropped.values()].reduce((sum, each) => sum + each, 0)), rate(rates?.dropped)],
    ["Held octets", number(view.collector.heldOctets), "at this moment"],
  ] as const;
  return (
    <section id="figures" class="figures wide" aria-label="Records">
      {figures.map(([name, total, now]) => (
        <div class="figure">
          <span class="name">{name}</span>
          <strong>{total}</strong>
          <span class="rate">{now}</span>
        </div>
      ))}
    </section>
  );
}

function Releases({ view, overview }: { readonly view: AdminView; readonly overview: Overview }) {
  const { address, profile } = view.collector;
  return (
    <Region id="releases" title="Agents and the collector">
      {overview.releases.length === 0
        ? <p class="none">No session is open.</p>
        : (
          <Scroll label="Sessions by release and collector">
            <table>
              <thead>
                <tr>
                  <th scope="col">Agent release</th>
                  <th scope="col">
                    Collector {address}
                    <small>expects {profile}</small>
                  </th>
                </tr>
              </thead>
              <tbody>{overview.releases.map((row) => <Release row={row} observed={view.mode === "observe"} />)}</tbody>
            </table>
          </Scroll>
        )}
    </Region>
  );
}

const AGES = { older: "older than the collector", same: "the collector's own", newer: "newer than the collector" };

function Release({ row, observed }: { readonly row: ReleaseRow; readonly observed: boolean }) {
  const { release, age, sessions, skewed } = row;
  const rewritten = observed ? "would be rewritten" : "rewritten";
  return (
    <tr>
      <th scope="row">
        <a href={`/?q=${encodeURIComponent(release ?? "unknown")}#sessions`}>{release ?? "unknown release"}</a>
        {age === undefined ? "" : <small>{AGES[age]}</small>}
      </th>
      <td>
        <Tag level={skewed > 0 ? "notice" : "good"} sign={skewed > 0 ? "≠" : "="}>
          {count(sessions, "session")}
        </Tag>
        <small>{skewed === 0 ? "go on as they are" : skewed === sessions ? rewritten : `${skewed} ${rewritten}`}</small>
      </td>
    </tr>
  );
}

function Tag(
  { level, sign, children }: { readonly level: string; readonly sign: string; readonly children?: unknown },
) {
  return (
    <span class={`tag ${level}`}>
      <span aria-hidden="true">{sign}</span> {children}
    </span>
  );
}

function Collector({ view, now }: { readonly view: AdminView; readonly now: Date }) {
  const { address, state, up, profile, dialect, reconnects, connections, replayedTemplates, recordsPossiblyLost } =
    view.collector;
  const level = up ? "good" : connections.size === 0 ? "notice" : "bad";
  return (
    <Region id="collector" title="Collector">
      <p>
        <Tag level={level} sign={up ? "✓" : connections.size === 0 ? "●" : "✕"}>{state}</Tag>
      </p>
      <Facts
        facts={[
          ["Address", <code>{address}</code>],
          ["Expects", profile],
          ["Decoder", dialect],
          ["Reconnects", number(reconnects)],
          ["Connections", [...connections].map(([outcome, many]) => `${outcome} ${number(many)}`).join(", ") || "none"],
          ["Templates sent again", number(replayedTemplates)],
          ["Possibly lost", count(recordsPossiblyLost, "record")],
          ["Proxy up for", duration(now.getTime() - view.startedAt.getTime())],
        ]}
      />
    </Region>
  );
}

function Sessions({ overview }: { readonly overview: Overview }) {
  const { query, rows, matching, open } = overview;
  return (
    <Region id="sessions" title={`Sessions (${number(open)})`} class="wide">
      <form class="search" method="get" action="/#sessions" role="search">
        <label for="q" class="hidden">Search sessions</label>
        <input id="q" name="q" type="search" value={query} placeholder="peer, release, element, trouble" />
        <button type="submit">Search</button>
      </form>
      {rows.length === 0
        ? <p class="none">{open === 0 ? "No session is open." : "No session matches."}</p>
        : (
          <Scroll label="Sessions">
            <table class="sessions">
              <thead>
                <tr>
                  <th scope="col">Session</th>
                  <th scope="col">What to know</th>
                  <th scope="col">Release</th>
                  <th scope="col">Peer</th>
                  <th scope="col" class="number">Records in</th>
                  <th scope="col" class="number">out</th>
                </tr>
              </thead>
              <tbody>{rows.map((row) => <Session {...row} />)}</tbody>
            </table>
          </Scroll>
        )}
      {matching > rows.length
        ? (
          <p class="none">
            {`The ${number(rows.length)} with most trouble of ${number(matching)}: search for others.`}
          </p>
        )
        : ""}
    </Region>
  );
}

function Session({ session, release, trouble }: SessionRow) {
  const { id, peer, transport, certificateName, counters, closing } = session;
  const { recordsReceived, recordsSent } = counters;
  return (
    <tr>
      <th scope="row">
        <a href={sessionPath(id)} aria-label={`Session ${id}`}>{id}</a>
      </th>
      <td>
        <Trouble trouble={trouble} />
        {closing ? <small>closing</small> : ""}
      </td>
      <td>{release ?? "unknown"}</td>
      <td>
        <code>{peer}</code>
        <small>{certificateName ?? transport}</small>
      </td>
      <td class="number">{number(recordsReceived)}</td>
      <td class="number">{number(recordsSent)}</td>
    </tr>
  );
}

/** A session's troubles, with a sign for the worst of them. */
export function Trouble({ trouble: { grade, words } }: Pick<SessionRow, "trouble">) {
  if (grade === 0) return <Tag level="good" sign="=">as it came</Tag>;
  const level = grade >= 4 ? "bad" : grade >= 3 ? "warning" : "notice";
  return (
    <>
      {words.map((word, index) => (
        <>
          {index > 0 ? " " : ""}
          <Tag
            level={index === 0 ? level : "notice"}
            sign={index > 0 || grade < 3 ? "≠" : grade >= 4 ? "✕" : "▲"}
          >
            {word}
          </Tag>
        </>
      ))}
    </>
  );
}

function Losses({ view, totals }: Totalled) {
  const stripped = [...totals.fieldsStripped].sort(([, one], [, other]) => other - one);
  return (
    <Region id="losses" title="What the collector does not get" class="wide">
      <Statement {...losses(view, totals)} />
      <div class="columns">
        {stripped.length === 0 ? <p class="none">No field is stripped.</p> : (
          <Scroll label="Stripped fields">
            <table class="counts">
              <thead>
                <tr>
                  <th scope="col">Stripped field</th>
                  <th scope="col" class="number">Records</th>
                  <th scope="col" class="number">with a value</th>
                </tr>
              </thead>
              <tbody>
                {stripped.slice(0, 100).map(([element, records]) => (
                  <tr>
                    <th scope="row">{element}</th>
                    <td class="number">{number(records)}</td>
                    <td class="number">{number(totals.informationLost.get(element) ?? 0)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        )}
        <Counts rows={totals.recordsDropped} head={["Dropped because of", "Records"]} empty="No record was dropped." />
        <Counts
          rows={totals.messagesRejected}
          head={["Rejected because of", "Messages"]}
          empty="No message was rejected."
        />
      </div>
    </Region>
  );
}

/** The chart's place: the script draws into it, so that it is no live region. */
export function Rates() {
  return (
    <section id="rates" class="card wide" aria-labelledby="rates-title">
      <h2 id="rates-title">Rates of the last hour, in UTC</h2>
      <p class="none">
        <noscript>The chart needs JavaScript; the figures above do not.</noscript>
      </p>
      <div id="records-chart" class="chart" role="img" aria-label="Records in, out and dropped a second, over time">
      </div>
      <div id="held-chart" class="chart" role="img" aria-label="Octets held for the collector, over time"></div>
    </section>
  );
}

/** What stands in a session's place once it is gone. */
export function gone(id: string, now: Date) {
  return (
    <section id="gone" class="card wide" aria-label="Session">
      <h1>Session {id}</h1>
      <Statement
        level="notice"
        sentence="This session is not open any more"
        detail={`It was not there at ${clock(now)}. Its counts are part of the totals.`}
      />
      <p>
        <a href="/">All sessions</a>
      </p>
    </section>
  );
}
