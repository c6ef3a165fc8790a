import { candidateStepText } from "../../admin/view/candidate_step.ts";
import { memoryShortage } from "../../admin/view/memory_shortage.ts";
import { type Paint, printable } from "../../terminal/terminal.ts";
import { tableLines, wrapFacts, wrapWords } from "../../terminal/text_table.ts";
import type { Status } from "./status_answer.ts";

/** The answer as text, in lines no wider than the terminal. */
export function statusText(status: Status, width: number, paint: Paint): string {
  const losses = lossRows(status);
  const facts = [...factRows(status), ...(losses.length === 0 ? [["losses", ["none"]] as const] : [])];
  const { colour, sentence } = HEADS[status.verdict.verdict];
  return [
    ...wrapped(`${sentence}: ${status.verdict.reason}`, width).map((line) => paint(colour, line)),
    ...faultLines(status, width).map((line) => paint("red", line)),
    ...facts.flatMap(([name, facts]) => wrapFacts(facts.map(printable), width, " ".repeat(13), `  ${name.padEnd(11)}`)),
    ...lossLines(losses, width).map((line) => paint("yellow", line)),
  ].join("\n");
}

const HEADS = {
  needed: { colour: "yellow", sentence: "needed" },
  not_needed: { colour: "green", sentence: "not needed, the proxy can go" },
  unknown: { colour: "yellow", sentence: "unknown" },
} as const;

function wrapped(text: string, width: number): string[] {
  return wrapWords(printable(text).split(" "), width, "  ", "");
}

/** What somebody has to look into. */
function faultLines(status: Status, width: number): string[] {
  const { certificateFaults = [], templateCacheFault: cache, memory, refusedConfiguration } = status;
  const shortage = memory === undefined || memory === null ? undefined : memoryShortage(memory);
  const faults = [
    ...certificateFaults,
    ...(cache === undefined || cache === null
      ? []
      : [`the template cache ${cache.file} cannot be written since ${cache.since}: ${cache.reason}`]),
    ...(shortage === undefined ? [] : [shortage]),
  ];
  return [...faults.flatMap((fault) => wrapped(fault, width)), ...refusedLines(refusedConfiguration, width)];
}

/** A configuration that was refused and not corrected since. */
function refusedLines(refused: Status["refusedConfiguration"], width: number): string[] {
  if (refused === undefined || refused === null) return [];
  const head = `configuration refused at ${printable(refused.since)}, the previous one is in force:`;
  return [head, ...refused.mistakes].flatMap((line, index) =>
    wrapWords(printable(line).split(" "), width, "    ", index === 0 ? "" : "  ")
  );
}

/** Names, each with its facts. */
function factRows(status: Status): (readonly [name: string, facts: readonly string[]])[] {
  const { version, mode, uptimeSeconds, draining, collectors = [], skew, totals, cluster } = status;
  const { recordsInHand: inHand = 0, sessions: { open, closing, ended } } = totals;
  const sent = (count: number) => `${count} ${mode === "observe" ? "would be sent" : "sent"}`;
  return [
    ["proxy", [version, `mode ${mode}`, `up ${uptimeSeconds} s`, ...(draining ? ["draining"] : [])]],
    ["collector", collectorFacts(status)],
    ...collectors.slice(1).map((other) => ["", otherCollectorFacts(other)] as const),
    ...(cluster === undefined ? [] : [["cluster", clusterFacts(cluster)] as const]),
    ["sessions", [
      `${open} open`,
      `${skew.sessions} of them skewed`,
      ...(closing > 0 ? [`${closing} closing`] : []),
      `${ended} ended`,
      ...(skew.sessions > 0 ? [] : [neededLast(skew)]),
    ]],
    ["messages", [`${totals.messages.received} received`, sent(totals.messages.sent)]],
    ["records", [
      `${totals.records.received} received`,
      sent(totals.records.sent),
      ...(inHand > 0 ? [`${inHand} in hand`] : []),
    ]],
  ];
}

/** A session may need the proxy without skew: for a conversion between gRPC and IPFIX. */
function neededLast({ lastSeen }: Status["skew"]): string {
  return lastSeen === null ? "none has needed the proxy so far" : `one last needed the proxy at ${lastSeen}`;
}

function collectorFacts({ collector, collectors = [] }: Status): string[] {
  const { address, state, since, reason, reconnects } = collector;
  const isAway = since !== undefined && state !== "connected";
  const times = `${reconnects} ${reconnects === 1 ? "reconnect" : "reconnects"}`;
  return [
    `${address} ${state}${isAway ? ` since ${since}` : ""}`,
    ...(typeof reason === "string" ? [reason] : []),
    ...expectedFacts(collector),
    collectors.length > 1 ? `${times} of all collectors` : times,
  ];
}

/** A collector that peer rules name. */
function otherCollectorFacts(other: NonNullable<Status["collectors"]>[number]): string[] {
  const { address, state, reason, sessions, rules } = other;
  return [
    `${address} ${state}`,
    ...(typeof reason === "string" ? [reason] : []),
    ...expectedFacts(other),
    `${sessions} ${sessions === 1 ? "session" : "sessions"} by ${rules.join(" ")}`,
  ];
}

function expectedFacts(
  { profile, dialect, nextProfile, candidates }: Status["collector"] | NonNullable<Status["collectors"]>[number],
): string[] {
  const step = candidates?.lastStep ?? undefined;
  return [
    `${profile} (${dialect})`,
    ...(step === undefined ? [] : [candidateStepText(step)]),
    ...(typeof nextProfile === "string" ? [`waiting for the collector to restart: then ${nextProfile}`] : []),
  ];
}

function clusterFacts({ waitingFor, problems, trust, aggregator }: NonNullable<Status["cluster"]>): string[] {
  return [
    ...(waitingFor === "" ? [] : [`waiting for ${waitingFor}`]),
    ...(trust?.mode === undefined ? [] : [`trust by ${trust.mode}`]),
    ...(aggregator?.release === undefined ? [] : [`Aggregator ${aggregator.release}`]),
    ...(aggregator?.next === undefined ? [] : [`then ${aggregator.next}`]),
    ...problems,
    ...trust?.polling ?? [],
    ...trust?.otherProxies ?? [],
  ];
}

/** Kinds of counts that the answer gives apart for sessions that are only observed. */
const OBSERVED = ["recordsDropped", "messagesRejected", "informationLost"] as const;

type Counted =
  | (typeof OBSERVED)[number]
  | "recordsPossiblyLost"
  | "sequenceGaps"
  | "sessionsFailed"
  | "handshakeFailures"
  | "pluginErrors"
  | "referenceFaults";

/** Counts shown where they are not 0; while only observing, most losses are what would be lost. */
const COUNT_WORDS: readonly (readonly [kind: Counted, words: string, wordsOfObserving?: string])[] = [
  ["recordsDropped", "records dropped", "records that would be dropped"],
  ["messagesRejected", "messages rejected", "messages that would be rejected"],
  ["informationLost", "records that lost a value", "records that would lose a value"],
  ["recordsPossiblyLost", "records that may be lost"],
  ["sequenceGaps", "gaps in sequence numbers"],
  ["sessionsFailed", "sessions"],
  ["handshakeFailures", "handshakes failed"],
  ["pluginErrors", "plugin failures"],
  ["referenceFaults", "references not corrected", "references that would not be corrected"],
];

/** What was lost, and how often. */
type LossRow = readonly [words: string, what: string, count: number];

/** The counts that are not 0, in the words of those that were lost and of those that would be. */
function lossRows({ mode, totals, losses }: Status): LossRow[] {
  const { wouldLose = {} } = losses;
  const counts: Readonly<Partial<Record<Counted, Readonly<Record<string, number>> | undefined>>> = {
    ...totals,
    ...losses,
    recordsPossiblyLost: { "with broken connections": losses.recordsPossiblyLost ?? 0 },
    sequenceGaps: { "of exporters": totals.sequenceGaps ?? 0 },
  };
  return COUNT_WORDS.flatMap(([kind, words, wordsOfObserving = words]) => {
    const observed = OBSERVED.find((each) => each === kind);
    const wouldBe = observed === undefined ? {} : wouldLose[observed] ?? {};
    // What is not given apart is told by the mode.
    const head = mode === "observe" && observed === undefined ? wordsOfObserving : words;
    return Object.entries(counts[kind] ?? {}).flatMap(([what, count]): LossRow[] => [
      [head, what, count - (wouldBe[what] ?? 0)],
      [wordsOfObserving, what, wouldBe[what] ?? 0],
    ]);
  }).filter(([, , count]) => count > 0);
}

/** A table, or where that is too wide for the terminal, a sentence for each row. */
function lossLines(rows: readonly LossRow[], width: number): string[] {
  const cells = rows.map((row) => row.map((cell) => printable(String(cell))));
  const lines = tableLines(cells, ["left", "left", "right"]).map((line) => `  ${line}`);
  if (lines.every(({ length }) => length <= width)) return lines;
  return cells.flatMap(([words, what, count]) =>
    wrapWords(`${words}: ${what} ${count}`.split(" "), width, "    ", "  ")
  );
}
