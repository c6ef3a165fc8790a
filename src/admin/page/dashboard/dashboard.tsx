import { type FaultHistory, faultsOf } from "../../view/fault_history.ts";
import type { RateSample } from "../../view/rate_history.ts";
import type { RecentEvent } from "../../view/recent_events.ts";
import type { AdminView } from "../../view/view.ts";
import { Cluster } from "./cluster.tsx";
import { heldOctets } from "../../view/collectors.ts";
import { Collector } from "./collector.tsx";
import { Configuration } from "./configuration.tsx";
import { Ended } from "./ended.tsx";
import { Losses, partsOf, type Totalled } from "../losses.tsx";
import type { Overview } from "../overview.ts";
import { Events, Region, Statement } from "../parts.tsx";
import { Releases } from "./releases.tsx";
import { Sessions } from "../sessions.tsx";
import { number } from "../format.ts";
import { sum, type Totals } from "../../view/totals.ts";
import { health } from "../health.ts";
import { verdict } from "../verdict.ts";

/** Everything that the dashboard shows. */
export interface DashboardState {
  readonly view: AdminView;
  readonly overview: Overview;
  readonly totals: Totals;
  readonly faults: FaultHistory;
  readonly rates: RateSample | undefined;
  readonly events: readonly RecentEvent[];
  readonly now: Date;
}

/** Returns the dashboard's regions, in order. */
export function dashboardRegions(state: DashboardState) {
  const { view, overview, faults, rates, events, now } = state;
  const totalled: Totalled = { view, totals: state.totals, recent: faults.recent(), ever: faultsOf(view) };
  return [
    <Verdict {...totalled} />,
    <Figures {...totalled} rates={rates} />,
    <Releases view={view} overview={overview} />,
    <Collector view={view} now={now} />,
    ...(view.cluster === undefined ? [] : [<Cluster cluster={view.cluster} />]),
    <Sessions view={view} overview={overview} />,
    ...(overview.ended.kept === 0 ? [] : [<Ended view={view} overview={overview} />]),
    <Losses {...totalled} />,
    <Region id="events" title="Last events" class="wide">
      <Events events={events.slice(0, 15)} />
    </Region>,
    <Configuration view={view} />,
  ];
}

function Verdict({ view, recent, ever }: Totalled) {
  return (
    <section id="verdict" class="verdict wide" aria-label="Health">
      <h1 class="hidden">Dashboard</h1>
      <Statement {...health(view, recent, ever)} />
      <Statement {...verdict(view)} />
    </section>
  );
}

function Figures({ view, totals, rates }: Totalled & { readonly rates: RateSample | undefined }) {
  const rate = (value: number | undefined) => value === undefined ? "–" : `${number(Math.round(value * 10) / 10)}/s`;
  const observes = view.mode === "observe";
  const figures = [
    ["Records in", number(totals.all.recordsReceived), rate(rates?.received)],
    ...partsOf(totals, observes).flatMap(({ counters, observed }) => {
      // The rates of now belong to the mode of now.
      const [sent, dropped] = observed === observes ? [rate(rates?.sent), rate(rates?.dropped)] : ["before", "before"];
      return [
        [observed ? "Would be sent on" : "Records out", number(counters.recordsSent), sent],
        [observed ? "Would be dropped" : "Dropped", number(sum(counters.read("recordsDropped"))), dropped],
      ] as const;
    }),
    ["Held octets", number(heldOctets(view)), "now"],
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

/** Where the script draws the charts. Not a live region: an update would erase them. */
export function Rates() {
  return (
    <section id="rates" class="card wide" aria-labelledby="rates-title">
      <h2 id="rates-title">Rates over the last hour (UTC)</h2>
      <p class="none">
        <noscript>The charts need JavaScript; the figures above do not.</noscript>
      </p>
      <div id="records-chart" class="chart" role="img" aria-label="Records in, out and dropped per second, over time">
      </div>
      <div id="held-chart" class="chart" role="img" aria-label="Octets held for the collector, over time"></div>
    </section>
  );
}
