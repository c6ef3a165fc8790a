import type { TemplateState } from "../../../mediation/session/session_rewriter.ts";
import { Region, Scroll } from "../parts.tsx";
import { type Change, type DiffField, type DiffRow, templateDiff } from "./template_diff.ts";
import { number } from "../format.ts";

const WORDS: Readonly<Record<Change, readonly [sign: string, word: string]>> = {
  kept: ["=", "kept"],
  stripped: ["−", "stripped"],
  padded: ["+", "padded"],
  moved: ["↕", "moved"],
  changed: ["~", "changed"],
};

/** What becomes of a template, and what would if its session were not only observed. */
const OUTCOMES: Readonly<Record<string, readonly [becomes: string, wouldBecome: string]>> = {
  identity: ["is relayed unchanged", "is relayed unchanged"],
  rewritten: ["is rewritten", "would be rewritten"],
  refused: ["is refused, and its records are dropped", "would be refused, and its records dropped"],
};

/** A template as the exporter sends it, beside the one that the collector receives. */
export function Template({ expected, template: state, observed, most, all }: {
  /** The profile of what the collector of the session expects. */
  readonly expected: string;
  readonly template: TemplateState;
  readonly observed: boolean;
  /** Most fields that are shown. */
  readonly most: number;
  /** The path that has all of them. */
  readonly all: string;
}) {
  const { observationDomain, template, targetTemplate, outcome, mapping } = state;
  const rows = mapping === undefined ? [] : templateDiff(mapping);
  const id = `template-${observationDomain}-${template}`;
  const receives = observed ? "would receive" : "receives";
  const tally = (change: Change) => rows.filter((row) => row.change === change && countsOnce(row)).length;
  const changes = (["kept", "stripped", "padded", "moved", "changed"] as const)
    .map((change) => [change, tally(change)] as const).filter(([, many]) => many > 0);
  return (
    <Region id={id} title={`Template ${template} ${outcomeOf(outcome, observed)}`} class="wide template">
      <p class="legend">
        {changes.map(([change, many]) => (
          <>
            <span class={`tag ${change}`}>
              <span aria-hidden="true">{WORDS[change][0]}</span> {number(many)} {wordOf(change, observed)}
            </span>
            {" "}
          </>
        ))}
      </p>
      <p class="none">
        {`Observation domain ${observationDomain}. `}
        {targetTemplate === undefined
          ? `${observed ? "It would not be sent" : "Not sent"} to the collector.`
          : `The collector ${receives} it as template ${targetTemplate}.`}
      </p>
      {rows.length === 0 ? "" : (
        <>
          <label class="only">
            <input type="checkbox" checked /> Only differences
          </label>
          {outcome === "identity" ? <p class="none same">No differences.</p> : ""}
          <Scroll label={`Fields of template ${template}`}>
            <table class="diff">
              <thead>
                <tr>
                  <th scope="col" class="sign">
                    <span class="hidden">Change</span>
                  </th>
                  <th scope="col" colspan={2}>The exporter sends</th>
                  <th scope="col" colspan={2}>The collector {receives} ({expected})</th>
                  <th scope="col">Why</th>
                </tr>
              </thead>
              <tbody>{rows.slice(0, most).map((row) => <Difference row={row} observed={observed} />)}</tbody>
            </table>
          </Scroll>
          {rows.length > most
            ? (
              <p>
                {`${number(rows.length - most)} more fields; all are in `}
                <a href={all}>the session as JSON</a>.
              </p>
            )
            : ""}
        </>
      )}
    </Region>
  );
}

function outcomeOf(outcome: string, observed: boolean): string {
  const [becomes, wouldBecome] = OUTCOMES[outcome] ?? [outcome, outcome];
  return observed ? wouldBecome : becomes;
}

/** A moved field has two rows, of which one counts. */
function countsOnce({ change, target }: DiffRow): boolean {
  return change !== "moved" || target !== undefined;
}

/** `stripped`; of an observed session, `would be stripped`. */
function wordOf(change: Change, observed: boolean): string {
  const [, word] = WORDS[change];
  return observed && change !== "kept" ? `would be ${word}` : word;
}

function Difference({ row, observed }: { readonly row: DiffRow; readonly observed: boolean }) {
  const { change, source, target, note } = row;
  const [sign] = WORDS[change];
  const word = wordOf(change, observed);
  return (
    <tr class={change}>
      <td class="sign">
        <span aria-hidden="true">{sign}</span>
        <span class="hidden">{word}</span>
      </td>
      <Side field={source} />
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
