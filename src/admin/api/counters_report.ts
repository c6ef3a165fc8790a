import type { Counters } from "../../mediation/templates/counters.ts";
import type { JsonValue } from "../../ipfix/types/json_value.ts";
import { lostValue } from "./lost_value.ts";

/** Counts by reason, outcome or element, as a JSON object. */
export type CountsReport = Readonly<Record<string, number>>;

/** Counters as JSON. */
export interface CountersReport {
  readonly messages: { readonly received: number; readonly sent: number };
  readonly records: { readonly received: number; readonly sent: number; readonly resent: number };
  readonly octets: { readonly received: number; readonly sent: number };
  /** By outcome. */
  readonly templates: CountsReport;
  /** Records by element. */
  readonly fieldsStripped: CountsReport;
  /** Records by element. */
  readonly fieldsPadded: CountsReport;
  /** By plugin. */
  readonly pluginErrors: CountsReport;
  readonly sequenceGaps: number;
  /** References to templates that could not be corrected, by fault. */
  readonly referenceFaults: CountsReport;
}

/** Losses as JSON: what did not arrive, or arrived incomplete. */
export interface LossesReport {
  /** Data records by reason. */
  readonly recordsDropped: CountsReport;
  /** Messages by reason. */
  readonly messagesRejected: CountsReport;
  /** Data records that lost a value, by element. */
  readonly informationLost: CountsReport;
  /** Length in octets of the last value lost, by element. */
  readonly lastLostOctets: CountsReport;
  /** The last value lost, by element; present only with `ledger: { values: true }`, once a value was lost. */
  readonly lastLostValues?: Readonly<Record<string, JsonValue>>;
}

/** What sessions that are only observed would lose. */
export type WouldLoseReport = Pick<LossesReport, "recordsDropped" | "messagesRejected" | "informationLost">;

/** Counts as JSON. Element names come from exporters: an object without a prototype can hold any of them. */
export function countsReport(counts: ReadonlyMap<string, number>): CountsReport {
  const record: Record<string, number> = Object.create(null);
  for (const [key, count] of counts) record[key] = count;
  return record;
}

/** Returns the counters, losses excepted. */
export function countersReport(counters: Counters): CountersReport {
  return {
    messages: { received: counters.messagesReceived, sent: counters.messagesSent },
    records: { received: counters.recordsReceived, sent: counters.recordsSent, resent: counters.recordsResent },
    octets: { received: counters.octetsReceived, sent: counters.octetsSent },
    templates: countsReport(counters.templates),
    fieldsStripped: countsReport(counters.read("fieldsStripped")),
    fieldsPadded: countsReport(counters.read("fieldsPadded")),
    pluginErrors: countsReport(counters.read("pluginErrors")),
    sequenceGaps: counters.sequenceGaps,
    referenceFaults: countsReport(counters.read("referenceFaults")),
  };
}

function valuesReport({ lostValues }: Counters): Pick<LossesReport, "lastLostValues"> {
  if (lostValues.size === 0) return {};
  const lastLostValues: Record<string, JsonValue> = Object.create(null);
  for (const [element, value] of lostValues) lastLostValues[element] = lostValue(value);
  return { lastLostValues };
}

/** Returns the losses that observed sessions do not have. */
export function wouldLoseReport(observed: Counters): WouldLoseReport {
  const { recordsDropped, messagesRejected, informationLost } = lossesReport(observed);
  return { recordsDropped, messagesRejected, informationLost };
}

/** Returns the ledger of losses. */
export function lossesReport(counters: Counters): LossesReport {
  return {
    recordsDropped: countsReport(counters.read("recordsDropped")),
    messagesRejected: countsReport(counters.read("messagesRejected")),
    informationLost: countsReport(counters.read("informationLost")),
    lastLostOctets: countsReport(counters.read("lostLengths")),
    ...valuesReport(counters),
  };
}
