import type { Counters } from "../../mediation/templates/counters.ts";
import type { AdminView } from "../view/view.ts";
import { type Faults, faultsOf, RECENT } from "../view/fault_history.ts";
import { allCollectors } from "../view/collectors.ts";
import { sum, type Totals, totalsNow } from "../view/totals.ts";
import { count } from "./trouble.ts";

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
export function health(view: AdminView, recent: Faults = faultsOf(view), ever: Faults = faultsOf(view)): Statement {
  const { draining } = view;
  const collector = allCollectors(view).find(({ up, state }) => !up && state !== "idle") ?? view.collector;
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
  const { failingHandshakes, refusedConfiguration, certificateFaults = [] } = view;
  if (failingHandshakes !== undefined) {
    const { exporters, address, reason } = failingHandshakes;
    const sentence = `${count(exporters, "exporter")} cannot get in: the TLS handshake of ${address} fails: ${reason}`;
    return { level: "bad", sentence: `${sentence} (${open})` };
  }
  const [fault, ...others] = certificateFaults;
  if (fault !== undefined) {
    const sentence = `${fault.slice(0, 1).toUpperCase()}${fault.slice(1)} (${open})`;
    return { level: "bad", sentence, ...(others.length === 0 ? {} : { detail: others.join("; ") }) };
  }
  const cacheFault = view.templateCache?.fault;
  if (cacheFault !== undefined) {
    const { file, since, reason } = cacheFault;
    const sentence = `The template cache ${file} cannot be written since ${clock(since)} (${open})`;
    return { level: "bad", sentence, detail: reason };
  }
  if (refusedConfiguration !== undefined) {
    const { since, mistakes } = refusedConfiguration;
    const sentence = `The configuration changed at ${clock(since)} was refused, and the previous one is in force`;
    return { level: "bad", sentence, detail: mistakes.join("; ") };
  }
  const always = describeFaults(ever).join(", ");
  const since = always === "" ? undefined : `Since the proxy started: ${always}.`;
  const [lost, wouldBe] = [describeFaults(recent, "lost"), describeFaults(recent, "would be")];
  const lately = [...lost, ...wouldBe].join(", ");
  const minutes = `in the last ${RECENT / 60_000} minutes`;
  if (lately !== "") {
    const sentence = lost.length > 0
      ? `Running, with losses ${minutes}: ${lately}`
      : `Observing: ${minutes}, ${lately}`;
    return { level: "warning", sentence, ...(since === undefined || always === lately ? {} : { detail: since }) };
  }
  const state = collector.up ? "collector connected" : "no exporter has connected yet";
  const sentence = `Healthy: ${state}, ${open}, no record ${view.mode === "observe" ? "would be " : ""}dropped`;
  if (since === undefined) return { level: "good", sentence };
  return { level: "good", sentence: `${sentence} ${minutes}`, detail: since };
}

/**
 * `2,000 records dropped`, `1 message rejected`; empty if nothing went wrong.
 *
 * @param which by default both what was lost and what observed sessions would have lost
 */
function describeFaults(faults: Faults, which?: "lost" | "would be"): string[] {
  const { recordsDropped, messagesRejected, pluginErrors, recordsPossiblyLost, wouldBe } = faults;
  const lost = [
    [recordsDropped, "record", "dropped"],
    [messagesRejected, "message", "rejected"],
    [pluginErrors, "plugin error", ""],
    [recordsPossiblyLost, "record", "possibly lost with broken collector connections"],
  ] as const;
  const observed = [
    [wouldBe.recordsDropped, "record", "would have been dropped"],
    [wouldBe.messagesRejected, "message", "would have been rejected"],
  ] as const;
  const counted = [...(which === "would be" ? [] : lost), ...(which === "lost" ? [] : observed)];
  return counted.filter(([amount]) => amount > 0).map(([amount, what, how]) => `${count(amount, what)} ${how}`.trim());
}

const VERDICT_STATEMENTS = {
  needed: { level: "notice", sentence: "This proxy is needed" },
  not_needed: { level: "good", sentence: "No skew left: this proxy can be removed" },
  unknown: { level: "notice", sentence: "It is not known whether this proxy is needed" },
} as const;

/** Returns whether the proxy is still needed or can be removed. */
export function verdict({ verdict: { verdict, reason } }: AdminView): Statement {
  const { level, sentence } = VERDICT_STATEMENTS[verdict];
  // A good verdict has a line of its own, with the reason below.
  if (verdict === "not_needed") return { level, sentence, detail: `${reason[0]?.toUpperCase()}${reason.slice(1)}.` };
  return { level, sentence: `${sentence}: ${reason}` };
}

/**
 * Returns whether anything was lost in the proxy, and if so, what; and what observed sessions would have lost.
 *
 * @param recent what went wrong recently; only that makes it a warning
 */
export function losses(
  view: AdminView,
  { all, observed }: Totals = totalsNow(view),
  recent: Faults = faultsOf(view),
): Statement {
  const possibly = view.collector.recordsPossiblyLost;
  const lost = [
    ...describeLosses(lossesOf(all, observed), (amount) => amount === 1 ? "was" : "were"),
    ...(possibly === 0 ? [] : [
      `at most ${count(possibly, "record")} ${possibly === 1 ? "was" : "were"} lost with broken collector connections`,
    ]),
    ...describeLosses(lossesOf(observed), () => "would be"),
  ];
  if (lost.length > 0) {
    const { recordsDropped, messagesRejected, recordsPossiblyLost, wouldBe } = recent;
    const fresh = recordsDropped + messagesRejected + recordsPossiblyLost + wouldBe.recordsDropped +
      wouldBe.messagesRejected;
    return { level: fresh > 0 ? "warning" : "notice", sentence: lost.join("; ") };
  }
  if (all.recordsReceived === 0) return { level: "notice", sentence: "No record has been received yet" };
  const isObserved = all.recordsReceived === observed.recordsReceived;
  return {
    level: "good",
    sentence: isObserved ? "Nothing would be lost" : "Nothing was lost",
    detail: `All ${count(all.recordsReceived, "record")} ${
      isObserved ? "would be" : "were"
    } sent on, and no stripped field carried a value.`,
  };
}

interface Lost {
  readonly stripped: number;
  readonly dropped: number;
  readonly rejected: number;
}

/** @param less what is left out */
function lossesOf(counters: Counters, less?: Counters): Lost {
  const of = (kind: "informationLost" | "recordsDropped" | "messagesRejected") =>
    sum(counters.read(kind)) - (less === undefined ? 0 : sum(less.read(kind)));
  return { stripped: of("informationLost"), dropped: of("recordsDropped"), rejected: of("messagesRejected") };
}

function describeLosses({ stripped, dropped, rejected }: Lost, verb: (amount: number) => string): string[] {
  const parts = [
    [stripped, `${count(stripped, "value")} ${verb(stripped)} stripped because the collector does not know the field`],
    [dropped, `${count(dropped, "record")} ${verb(dropped)} dropped`],
    [rejected, `${count(rejected, "message")} ${verb(rejected)} rejected`],
  ] as const;
  return parts.filter(([amount]) => amount > 0).map(([, words]) => words);
}

/** `2026-01-01 00:00:30 UTC` */
export function clock(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
