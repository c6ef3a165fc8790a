import type { Counters } from "../../mediation/templates/counters.ts";
import type { Faults } from "../view/fault_history.ts";
import type { Totals } from "../view/totals.ts";
import type { AdminView } from "../view/view.ts";
import { Counts, Name, Region, Scroll, Statement } from "./parts.tsx";
import { count, number } from "./format.ts";
import { lostValue } from "../api/lost_value.ts";
import { losses } from "./verdict.ts";

/** A proxy with the sums over all its sessions at one time. */
export interface Totalled {
  readonly view: AdminView;
  readonly totals: Totals;
  /** What went wrong recently, and since the start. */
  readonly recent: Faults;
  readonly ever: Faults;
}

/** The ledger of losses: fields stripped, how often they carried a value, records dropped, messages rejected. */
export function Losses({ view, totals, recent }: Totalled) {
  const parts = partsOf(totals, view.mode === "observe");
  const [first, second] = parts.map(({ observed }) => observed ? "would not get" : "does not get");
  return (
    <Region
      id="losses"
      title={`What the collector ${first}${second === undefined ? "" : `, or ${second}`}`}
      class="wide"
    >
      <Statement {...losses(view, totals, recent)} />
      <LossTables parts={parts} />
    </Region>
  );
}

/** What was counted in one mode. */
export interface CountedPart {
  readonly counters: Counters;
  /** Whether it was counted while sessions were only observed: it says what would be. */
  readonly observed: boolean;
}

/**
 * What was counted in each mode, first that in which anything was lost; with nothing counted, that of the mode.
 *
 * @param observed whether the mode is `observe` now
 */
export function partsOf(
  { rewritten, observed: would }: Pick<Totals, "rewritten" | "observed">,
  observed: boolean,
): readonly CountedPart[] {
  const parts = [{ counters: rewritten, observed: false }, { counters: would, observed: true }];
  const counted = parts.filter(({ counters }) => counters.messagesReceived > 0 || counters.names > 0);
  return counted.length > 0 ? counted : parts.filter((part) => part.observed === observed);
}

/** What was stripped, dropped and rejected, and what would have been. */
export function LossTables({ parts }: { readonly parts: readonly CountedPart[] }) {
  return <>{parts.map((part) => <LossTablesOf {...part} />)}</>;
}

function LossTablesOf({ counters, observed }: CountedPart) {
  const was = observed ? "would be" : "was";
  const faults = counters.read("referenceFaults");
  return (
    <div class="columns">
      <Stripped counters={counters} observed={observed} />
      <Counts
        rows={counters.read("recordsDropped")}
        head={[observed ? "Why it would be dropped" : "Reason for dropping", "Records"]}
        empty={`No record ${was} dropped.`}
      />
      <Counts
        rows={counters.read("messagesRejected")}
        head={[observed ? "Why it would be rejected" : "Reason for rejecting", "Messages"]}
        empty={`No message ${was} rejected.`}
      />
      {faults.size === 0 ? "" : (
        <Counts
          rows={faults}
          head={[observed ? "References that would be wrong" : "References not corrected", "References"]}
          empty=""
        />
      )}
    </div>
  );
}

/** Rows of the table of stripped fields; an exporter can make up as many as it likes. */
const MOST_FIELDS = 100;

/**
 * Every field that is stripped or loses values: in how many records, in how many with a value, and the last of these.
 */
function Stripped({ counters, observed }: { readonly counters: Counters; readonly observed: boolean }) {
  const [stripped, lost] = [counters.read("fieldsStripped"), counters.read("informationLost")];
  const elements = [...new Set([...stripped.keys(), ...lost.keys()])];
  const most = (element: string) => Math.max(stripped.get(element) ?? 0, lost.get(element) ?? 0);
  elements.sort((one, other) => most(other) - most(one));
  if (elements.length === 0) return <p class="none">{`No field ${observed ? "would be" : "is"} stripped.`}</p>;
  const { lostValues, lostLengths } = counters;
  return (
    <Scroll label={observed ? "Fields that would be stripped" : "Stripped fields"}>
      <table class={lostValues.size === 0 ? "counts" : "counts with-values"}>
        <thead>
          <tr>
            <th scope="col">{observed ? "Field that would be stripped" : "Stripped field"}</th>
            <th scope="col" class="number">Records</th>
            <th scope="col" class="number">With value</th>
            <th scope="col" class="number">Last length</th>
            {lostValues.size === 0 ? "" : <th scope="col">Last value</th>}
          </tr>
        </thead>
        <tbody>
          {elements.slice(0, MOST_FIELDS).map((element) => {
            const value = lostValues.get(element);
            const octets = lostLengths.get(element);
            return (
              <tr>
                <th scope="row">
                  <Name name={element} />
                </th>
                <td class="number">{number(stripped.get(element) ?? 0)}</td>
                <td class="number">{number(lost.get(element) ?? 0)}</td>
                <td class="number">{octets === undefined ? "" : count(octets, "octet")}</td>
                {lostValues.size === 0 ? "" : (
                  <td class="value">
                    {/* Isolated, because the text may run from right to left. */}
                    {value === undefined ? "" : (
                      <bdi>
                        <code>{String(lostValue(value))}</code>
                      </bdi>
                    )}
                  </td>
                )}
              </tr>
            );
          })}
        </tbody>
      </table>
      {elements.length > MOST_FIELDS
        ? <p class="none">{`${number(elements.length - MOST_FIELDS)} more fields are in the JSON API.`}</p>
        : ""}
    </Scroll>
  );
}
