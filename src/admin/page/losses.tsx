import type { Counters } from "../../mediation/templates/counters.ts";
import type { Faults } from "../view/fault_history.ts";
import type { AdminView } from "../view/view.ts";
import { Counts, Region, Scroll, Statement } from "./parts.tsx";
import { count, number } from "./trouble.ts";
import { lostValue } from "../api/lost_value.ts";
import { losses } from "./verdict.ts";

/** A proxy with the sums over all its sessions at one time. */
export interface Totalled {
  readonly view: AdminView;
  readonly totals: Counters;
  /** What went wrong recently. */
  readonly recent: Faults;
}

/** The ledger of losses: fields stripped, how often they carried a value, records dropped, messages rejected. */
export function Losses({ view, totals, recent }: Totalled) {
  const stripped = [...totals.fieldsStripped].sort(([, one], [, other]) => other - one);
  return (
    <Region
      id="losses"
      title={view.mode === "observe" ? "What the collector would not get" : "What the collector does not get"}
      class="wide"
    >
      <Statement {...losses(view, totals, recent)} />
      <div class="columns">
        {stripped.length === 0 ? <p class="none">No field is stripped.</p> : (
          <Scroll label="Stripped fields">
            <table class="counts">
              <thead>
                <tr>
                  <th scope="col">Stripped field</th>
                  <th scope="col" class="number">Records</th>
                  <th scope="col" class="number">With value</th>
                  <th scope="col" class="number">Last length</th>
                </tr>
              </thead>
              <tbody>
                {stripped.slice(0, 100).map(([element, records]) => (
                  <tr>
                    <th scope="row">{element}</th>
                    <td class="number">{number(records)}</td>
                    <td class="number">{number(totals.informationLost.get(element) ?? 0)}</td>
                    <td class="number">{lastLength(totals, element)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        )}
        <Counts rows={totals.recordsDropped} head={["Reason for dropping", "Records"]} empty="No record was dropped." />
        <Counts
          rows={totals.messagesRejected}
          head={["Reason for rejecting", "Messages"]}
          empty="No message was rejected."
        />
      </div>
      {totals.lostValues.size === 0 ? "" : <LostValues counters={totals} />}
    </Region>
  );
}

/** The last value lost of each element, if values are kept. */
export function LostValues({ counters }: { readonly counters: Counters }) {
  return (
    <table class="counts values">
      <thead>
        <tr>
          <th scope="col">Lost field</th>
          <th scope="col">Last value</th>
        </tr>
      </thead>
      <tbody>
        {[...counters.lostValues].slice(0, 100).map(([element, value]) => (
          <tr>
            <th scope="row">{element}</th>
            <td>
              {/* Isolated, because the text may run from right to left. */}
              <bdi>
                <code>{String(lostValue(value))}</code>
              </bdi>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Returns the length of the last value lost of an element; empty if none was. */
function lastLength({ lostLengths }: Counters, element: string): string {
  const octets = lostLengths.get(element);
  return octets === undefined ? "" : count(octets, "octet");
}
