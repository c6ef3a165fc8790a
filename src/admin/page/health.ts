import { allCollectors } from "../view/collectors.ts";
import { type Faults, faultsOf, RECENT } from "../view/fault_history.ts";
import { memoryShortage } from "../view/memory_shortage.ts";
import type { AdminView } from "../view/view.ts";
import { clock, count } from "./format.ts";
import type { Statement } from "./statement.ts";

/**
 * Returns whether the proxy works, in one line: its worst problem, if it has any.
 *
 * @param recent what went wrong recently, which is a warning; what ever did is a detail. By default all that ever did.
 */
export function health(view: AdminView, recent: Faults = faultsOf(view), ever: Faults = faultsOf(view)): Statement {
  const open = `${count(view.sessions().filter(({ closing }) => !closing).length, "session")} open`;
  for (const problem of PROBLEMS) {
    const statement = problem(view, open);
    if (statement !== undefined) return statement;
  }
  return faulty(recent, ever) ?? healthy(view, open, ever);
}

/** A problem that lasts, if the proxy has it. @param open how many sessions are open, in words */
type Problem = (view: AdminView, open: string) => Statement | undefined;

/** The worst first. */
const PROBLEMS: readonly Problem[] = [
  draining,
  notReady,
  collectorAway,
  handshakesFailing,
  certificatesNotValid,
  memoryShort,
  cacheNotWritten,
  configurationRefused,
];

function draining({ draining }: AdminView, open: string): Statement | undefined {
  return draining ? { level: "warning", sentence: `Draining: ${open}, new ones are refused` } : undefined;
}

function notReady({ ready, cluster }: AdminView): Statement | undefined {
  if (ready) return undefined;
  const waitingFor = cluster?.waitingFor ?? "";
  if (waitingFor === "") return { level: "warning", sentence: "Starting: not all listeners are bound yet" };
  return {
    level: "warning",
    sentence: `Waiting for ${waitingFor}`,
    detail: "No exporter is let in until it is there.",
  };
}

function collectorAway(view: AdminView, open: string): Statement | undefined {
  const away = allCollectors(view).find(({ up, state }) => !up && state !== "idle");
  if (away === undefined) return undefined;
  const { address, reason, heldOctets } = away;
  const why = reason === undefined ? "" : ` (${reason})`;
  const held = heldOctets > 0 ? `, ${count(heldOctets, "octet")} held` : "";
  return { level: "bad", sentence: `Collector ${address} is unreachable${why}: ${open}${held}` };
}

function handshakesFailing({ failingHandshakes }: AdminView, open: string): Statement | undefined {
  if (failingHandshakes === undefined) return undefined;
  const { exporters, address, reason } = failingHandshakes;
  const sentence = `${count(exporters, "exporter")} cannot get in: the TLS handshake of ${address} fails: ${reason}`;
  return { level: "bad", sentence: `${sentence} (${open})` };
}

function certificatesNotValid({ certificateFaults = [] }: AdminView, open: string): Statement | undefined {
  const [fault, ...others] = certificateFaults;
  if (fault === undefined) return undefined;
  const sentence = `${fault.slice(0, 1).toUpperCase()}${fault.slice(1)} (${open})`;
  return { level: "bad", sentence, ...(others.length === 0 ? {} : { detail: others.join("; ") }) };
}

function memoryShort({ memory }: AdminView, open: string): Statement | undefined {
  const shortage = memory === undefined ? undefined : memoryShortage(memory);
  if (shortage === undefined) return undefined;
  return { level: memory?.state === "full" ? "bad" : "warning", sentence: `${shortage} (${open})` };
}

function cacheNotWritten({ templateCache }: AdminView, open: string): Statement | undefined {
  if (templateCache?.fault === undefined) return undefined;
  const { file, since, reason } = templateCache.fault;
  const sentence = `The template cache ${file} cannot be written since ${clock(since)} (${open})`;
  return { level: "bad", sentence, detail: reason };
}

function configurationRefused({ refusedConfiguration }: AdminView): Statement | undefined {
  if (refusedConfiguration === undefined) return undefined;
  const { since, mistakes } = refusedConfiguration;
  const sentence = `The configuration changed at ${clock(since)} was refused, and the previous one is in force`;
  return { level: "bad", sentence, detail: mistakes.join("; ") };
}

const LATELY = `in the last ${RECENT / 60_000} minutes`;

/** What went wrong of late. */
function faulty(recent: Faults, ever: Faults): Statement | undefined {
  const lost = lostWords(recent);
  const lately = [...lost, ...wouldBeLostWords(recent)].join(", ");
  if (lately === "") return undefined;
  const since = sinceTheStart(ever);
  return {
    level: "warning",
    sentence: lost.length > 0 ? `Running, with losses ${LATELY}: ${lately}` : `Observing: ${LATELY}, ${lately}`,
    ...(since === "" || since === lately ? {} : { detail: `Since the proxy started: ${since}.` }),
  };
}

function healthy(view: AdminView, open: string, ever: Faults): Statement {
  const isUp = allCollectors(view).some(({ up }) => up);
  const collector = isUp ? "collector connected" : "the collector has not been tried yet";
  const dropped = `no record ${view.mode === "observe" ? "would be " : ""}dropped`;
  const sentence = `Healthy: ${collector}, ${open}, ${dropped}`;
  const since = sinceTheStart(ever);
  if (since === "") return { level: "good", sentence };
  return { level: "good", sentence: `${sentence} ${LATELY}`, detail: `Since the proxy started: ${since}.` };
}

function sinceTheStart(ever: Faults): string {
  return [...lostWords(ever), ...wouldBeLostWords(ever)].join(", ");
}

/** `2,000 records dropped`, `1 message rejected`; empty if nothing went wrong. */
function lostWords({ recordsDropped, messagesRejected, pluginErrors, recordsPossiblyLost }: Faults): string[] {
  return counted([
    [recordsDropped, "record", " dropped"],
    [messagesRejected, "message", " rejected"],
    [pluginErrors, "plugin error", ""],
    [recordsPossiblyLost, "record", " possibly lost with broken collector connections"],
  ]);
}

/** The same of what observed sessions would have lost. */
function wouldBeLostWords({ wouldBe: { recordsDropped, messagesRejected } }: Faults): string[] {
  return counted([
    [recordsDropped, "record", " would have been dropped"],
    [messagesRejected, "message", " would have been rejected"],
  ]);
}

function counted(faults: readonly (readonly [amount: number, what: string, how: string])[]): string[] {
  return faults.filter(([amount]) => amount > 0).map(([amount, what, how]) => `${count(amount, what)}${how}`);
}
