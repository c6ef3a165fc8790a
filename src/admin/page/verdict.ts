import type { Counters } from "../../mediation/templates/counters.ts";
import type { AdminView } from "../view/view.ts";
import { type Faults, faultsOf, RECENT } from "../view/fault_history.ts";
import { count, sum } from "./trouble.ts";

/** A sentence and its level, which is shown by colour and sign. */
export interface Statement {
  readonly level: "good" | "notice" | "warning" | "bad";
  readonly sentence: string;
  /** Further details, in full sentences. */
  readonly detail?: string;
}

/**
 * Returns whether the proxy works, in one line.
 *
 * @param recent what went wrong recently, which is a warning; what ever did is a detail. By default all that ever did.
 */
export function health(
  view: AdminView,
  totals: Counters = view.totals(),
  recent: Faults = faultsOf(view, totals),
): Statement {
  const { collector, draining } = view;
  const sessions = view.sessions().filter(({ closing }) => !closing);
  const open = `${count(sessions.length, "session")} open`;
  if (draining) return { level: "warning", sentence: `Draining: ${open}, new ones are refused` };
  const waitingFor = view.cluster?.waitingFor ?? "";
  if (!view.ready && waitingFor !== "") {
    return {
      level: "warning",
      sentence: `Waiting for ${waitingFor}`,
      detail: "No exporter is let in until it is there.",
    };
  }
  if (!view.ready) return { level: "warning", sentence: "Starting: not all listeners are bound yet" };
  if (!collector.up && collector.state !== "idle") {
    const held = collector.heldOctets > 0 ? `, ${count(collector.heldOctets, "octet")} held` : "";
    const why = collector.reason === undefined ? "" : ` (${collector.reason})`;
    return { level: "bad", sentence: `Collector ${collector.address} is unreachable${why}: ${open}${held}` };
  }
  const { failingHandshakes, refusedConfiguration } = view;
  if (failingHandshakes !== undefined) {
    const { exporters, address, reason } = failingHandshakes;
    const sentence = `${count(exporters, "exporter")} cannot get in: the TLS handshake of ${address} fails: ${reason}`;
    return { level: "bad", sentence: `${sentence} (${open})` };
  }
  if (refusedConfiguration !== undefined) {
    const { since, mistakes } = refusedConfiguration;
    const sentence = `The configuration changed at ${clock(since)} was refused, and the previous one is in force`;
    return { level: "bad", sentence, detail: mistakes.join("; ") };
  }
  const observed = view.mode === "observe";
  const ever = describeFaults(faultsOf(view, totals), observed);
  const since = ever === "" ? undefined : `Since the proxy started: ${ever}.`;
  const lately = describeFaults(recent, observed);
  if (lately !== "") {
    const what = observed ? "Observing:" : "Running, with losses";
    const sentence = `${what} in the last ${RECENT / 60_000} minutes${observed ? "," : ":"} ${lately}`;
    return { level: "warning", sentence, ...(since === undefined || ever === lately ? {} : { detail: since }) };
  }
  const state = collector.up ? "collector connected" : "no exporter has connected yet";
  const sentence = `Healthy: ${state}, ${open}, no record ${observed ? "would be " : ""}dropped`;
  if (since === undefined) return { level: "good", sentence };
  return { level: "good", sentence: `${sentence} in the last ${RECENT / 60_000} minutes`, detail: since };
}

/** `2,000 records dropped, 1 message rejected`; empty if nothing went wrong. */
function describeFaults(faults: Faults, observed: boolean): string {
  const { recordsDropped, messagesRejected, pluginErrors, recordsPossiblyLost } = faults;
  const counted = [
    [recordsDropped, "record", observed ? "would have been dropped" : "dropped"],
    [messagesRejected, "message", observed ? "would have been rejected" : "rejected"],
    [pluginErrors, "plugin error", ""],
    [recordsPossiblyLost, "record", "possibly lost with broken collector connections"],
  ] as const;
  return counted.filter(([amount]) => amount > 0).map(([amount, what, how]) => `${count(amount, what)} ${how}`.trim())
    .join(", ");
}

const VERDICT_STATEMENTS = {
  needed: { level: "notice", sentence: "This proxy is needed" },
  not_needed: { level: "good", sentence: "No skew left: this proxy can be removed" },
  unknown: { level: "notice", sentence: "It is not known whether this proxy is needed" },
} as const;

/** Returns whether the proxy is still needed or can be removed. */
export function verdict({ verdict: { verdict, reason } }: AdminView): Statement {
  const { level, sentence } = VERDICT_STATEMENTS[verdict];
  // A good verdict stands in a line of its own, with the reason below.
  if (verdict === "not_needed") return { level, sentence, detail: `${reason[0]?.toUpperCase()}${reason.slice(1)}.` };
  return { level, sentence: `${sentence}: ${reason}` };
}

/**
 * Returns whether anything was lost in the proxy, and if so, what.
 *
 * @param recent what went wrong recently; only that makes it a warning
 */
export function losses(
  view: AdminView,
  totals: Counters = view.totals(),
  recent: Faults = faultsOf(view, totals),
): Statement {
  const stripped = sum(totals.informationLost);
  const dropped = sum(totals.recordsDropped);
  const rejected = sum(totals.messagesRejected);
  const possibly = view.collector.recordsPossiblyLost;
  const would = (amount: number) => view.mode === "observe" ? "would be" : amount === 1 ? "was" : "were";
  const parts = [
    [stripped, `${count(stripped, "value")} ${would(stripped)} stripped because the collector does not know the field`],
    [dropped, `${count(dropped, "record")} ${would(dropped)} dropped`],
    [rejected, `${count(rejected, "message")} ${would(rejected)} rejected`],
    [
      possibly,
      `at most ${count(possibly, "record")} ${possibly === 1 ? "was" : "were"} lost with broken collector connections`,
    ],
  ] as const;
  const lost = parts.filter(([amount]) => amount > 0).map(([, words]) => words);
  if (lost.length > 0) {
    const fresh = recent.recordsDropped + recent.messagesRejected + recent.recordsPossiblyLost;
    return { level: fresh > 0 ? "warning" : "notice", sentence: lost.join("; ") };
  }
  if (totals.recordsReceived === 0) return { level: "notice", sentence: "No record has been received yet" };
  return {
    level: "good",
    sentence: "Nothing was lost",
    detail: `All ${count(totals.recordsReceived, "record")} were sent on, and no stripped field carried a value.`,
  };
}

/** `2026-01-01 00:00:30 UTC` */
export function clock(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
