import { Command } from "commander";
import { z } from "zod";
import { parseDuration } from "../../config/yaml/quantity.ts";
import { adminUrl, askAdmin, DEFAULT_ADMIN } from "../command_line/admin_client.ts";
import { CommandFailure, EXIT, usageFailure } from "../command_line/command_failure.ts";
import { systemReason } from "../../error_message.ts";
import { type Paint, painter, printable, say, terminalWidth, wantsColour, writeLine } from "../../terminal/terminal.ts";
import { tableLines, wrapWords } from "../../terminal/text_table.ts";

/** The exit status for each verdict. */
const EXIT_STATUS = { not_needed: 0, needed: 3, unknown: 4 } as const;

/** How often the proxy is asked while waiting. */
const ASK_AGAIN_MILLISECONDS = 1_000;

const COUNTS = z.record(z.string(), z.number());

/** The part of the answer that `status` needs; `--json` passes on the rest unchanged. */
const STATUS = z.looseObject({
  version: z.string(),
  mode: z.string(),
  uptimeSeconds: z.number(),
  draining: z.boolean(),
  verdict: z.looseObject({ verdict: z.enum(["needed", "not_needed", "unknown"]), reason: z.string() }),
  collector: z.looseObject({
    address: z.string(),
    state: z.string(),
    since: z.string().optional(),
    reason: z.string().nullish(),
    profile: z.string(),
    nextProfile: z.string().nullish(),
    dialect: z.string(),
    reconnects: z.number(),
  }),
  collectors: z.array(z.looseObject({
    address: z.string(),
    state: z.string(),
    reason: z.string().nullish(),
    profile: z.string(),
    nextProfile: z.string().nullish(),
    dialect: z.string(),
    sessions: z.number(),
    rules: z.array(z.string()),
  })).optional(),
  skew: z.looseObject({
    sessions: z.number(),
    lastSeen: z.string().nullable(),
    quietSeconds: z.number(),
  }),
  totals: z.looseObject({
    sessions: z.looseObject({ open: z.number(), closing: z.number(), ended: z.number(), refused: z.number() }),
    handshakeFailures: COUNTS.optional(),
    pluginErrors: COUNTS.optional(),
    referenceFaults: COUNTS.optional(),
    sequenceGaps: z.number().optional(),
    messages: z.looseObject({ received: z.number(), sent: z.number() }),
    records: z.looseObject({ received: z.number(), sent: z.number() }),
  }),
  losses: z.looseObject({
    recordsDropped: COUNTS.optional(),
    messagesRejected: COUNTS.optional(),
    informationLost: COUNTS.optional(),
    sessionsFailed: COUNTS.optional(),
    recordsPossiblyLost: z.number().optional(),
    wouldLose: z.looseObject({
      recordsDropped: COUNTS.optional(),
      messagesRejected: COUNTS.optional(),
      informationLost: COUNTS.optional(),
    }).optional(),
  }),
  memory: z.looseObject({ limit: z.number(), resident: z.number(), state: z.string() }).nullish(),
  certificateFaults: z.array(z.string()).optional(),
  templateCacheFault: z.looseObject({ file: z.string(), since: z.string(), reason: z.string() }).nullish(),
  refusedConfiguration: z.looseObject({ since: z.string(), mistakes: z.array(z.string()) }).nullish(),
  cluster: z.looseObject({
    waitingFor: z.string(),
    problems: z.array(z.string()),
    trust: z.looseObject({
      mode: z.string().optional(),
      polling: z.array(z.string()).default([]),
      otherProxies: z.array(z.string()).default([]),
    }).optional(),
    aggregator: z.looseObject({ release: z.string().optional(), next: z.string().optional() }).optional(),
  }).optional(),
});

type Status = z.infer<typeof STATUS>;

/** The effects of the command, so that tests can replace them. */
export interface StatusDependencies {
  /** Returns the body of the answer. @throws when there is no answer, or it is not a success */
  readonly ask: (url: URL) => Promise<unknown>;
  readonly write: (line: string) => Promise<void>;
  readonly say: (line: string) => void;
  /** A monotonic time in milliseconds. */
  readonly now: () => number;
  readonly pause: (milliseconds: number) => Promise<void>;
  /** The width of the output in columns. */
  readonly width: number;
  readonly paint: Paint;
}

export interface StatusOptions {
  readonly admin: string;
  readonly json?: boolean;
  /** A duration: how long to ask again until the proxy is not needed. */
  readonly wait?: string;
  /**
   * A duration: how long no session may have needed rewriting before waiting ends, where that is longer than the proxy
   * asks.
   */
  readonly settle?: string;
}

/** The `status` command. */
export function statusCommand(): Command {
  return new Command("status")
    .summary("ask a running proxy whether it is still needed")
    .description(
      "Asks a running proxy whether it is still needed, and for its sessions and losses. Exit status: " +
        "0 not needed (the proxy can go), 3 needed, 4 unknown (the first line says why), 1 not reachable.",
    )
    .option("--admin <url>", "admin address of the proxy", DEFAULT_ADMIN)
    .option("--json", "print the answer as JSON")
    .option("--wait <duration>", "keep asking until the proxy is not needed, for at most this long, such as 30m")
    .option(
      "--settle <duration>",
      "with --wait: how long there must have been no skew, if that is longer than admin.skewSettle",
    )
    .action((options: StatusOptions) =>
      status(options, { ...SYSTEM, width: terminalWidth(), paint: painter(wantsColour()) })
    );
}

/**
 * Asks once, or with `wait` until the proxy is not needed or the time has run out. Says meanwhile what it waits for.
 *
 * @throws CommandFailure with exit status 3 (needed), 4 (unknown), 1 (not reachable), 2 (wrong usage)
 */
export async function status(options: StatusOptions, dependencies: StatusDependencies): Promise<void> {
  const { ask, write, say, now, pause } = dependencies;
  const url = adminUrl(options.admin, "/api/status");
  const settle = options.settle === undefined ? 0 : milliseconds("--settle", options.settle) / 1000;
  const deadline = now() + (options.wait === undefined ? 0 : milliseconds("--wait", options.wait));
  let said = "";
  for (;;) {
    const answer = await outcomeOf(() => ask(url));
    const last = now() >= deadline;
    if (answer.status !== undefined && (last || isSettled(answer.status, settle))) {
      await write(options.json === true ? JSON.stringify(answer.body) : summary(answer.status, dependencies));
      const exitStatus = EXIT_STATUS[answer.status.verdict.verdict];
      if (exitStatus === 0) return;
      throw new CommandFailure(exitStatus, "");
    }
    const news = answer.status === undefined
      ? `no status from ${url.origin}: ${printable(answer.reason)}`
      : waitsFor(answer.status);
    if (last) throw new CommandFailure(EXIT.FAILED, `error: ${news}`);
    if (news !== said) say(said = news);
    await pause(Math.min(ASK_AGAIN_MILLISECONDS, deadline - now()));
  }
}

function waitsFor({ verdict: { verdict, reason } }: Status): string {
  return `waiting, ${WAITING[verdict]}: ${printable(reason)}`;
}

const WAITING = {
  needed: "the proxy is needed",
  unknown: "not known whether the proxy is needed",
  not_needed: "not needed at the moment, but not for --settle yet",
} as const;

type Answer =
  | { readonly status: Status; readonly body: unknown }
  | { readonly status: undefined; readonly reason: string };

async function outcomeOf(ask: () => Promise<unknown>): Promise<Answer> {
  try {
    const body = await ask();
    const { success, data } = STATUS.safeParse(body);
    return success ? { status: data, body } : { status: undefined, reason: "what answers there is not this proxy" };
  } catch (error) {
    return { status: undefined, reason: systemReason(error) };
  }
}

/** Whether the proxy is not needed, and has not been for this many seconds. */
function isSettled({ verdict: { verdict }, skew }: Status, settle: number): boolean {
  return verdict === "not_needed" && skew.quietSeconds >= settle;
}

function milliseconds(option: string, text: string): number {
  const duration = parseDuration(text);
  if (duration === undefined) {
    throw usageFailure(`error: ${option}: "${printable(text)}" is not a duration (30s, 30m, 2h)`);
  }
  return duration;
}

/** The answer as text, in lines no wider than the terminal. */
function summary(status: Status, { width, paint }: StatusDependencies): string {
  const { version, mode, uptimeSeconds, draining, collector, collectors, skew, totals, losses, verdict, cluster } =
    status;
  const counts = {
    ...totals,
    ...losses,
    recordsPossiblyLost: { "with broken connections": losses.recordsPossiblyLost ?? 0 },
    sequenceGaps: { "of exporters": totals.sequenceGaps ?? 0 },
  };
  const { wouldLose = {} } = losses;
  const faults = COUNT_WORDS.flatMap(([kind, words, wordsOfObserving]) => {
    const wouldBe = isObservedKind(kind) ? wouldLose[kind] ?? {} : {};
    return Object.entries(counts[kind] ?? {}).flatMap(([what, count]) =>
      [
        [
          mode === "observe" && !isObservedKind(kind) ? wordsOfObserving ?? words : words,
          what,
          count - (wouldBe[what] ?? 0),
        ],
        [wordsOfObserving ?? words, what, wouldBe[what] ?? 0],
      ] as const
    );
  }).filter(([, , count]) => count > 0).map((row) => row.map((cell) => printable(String(cell))));
  const sent = (count: number) => `${count} ${mode === "observe" ? "would be sent" : "sent"}`;
  const { open, closing, ended } = totals.sessions;
  const seen = skew.lastSeen === null ? "never skewed so far" : `last skewed at ${skew.lastSeen}`;
  const isAway = collector.since !== undefined && collector.state !== "connected";
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ["proxy", [version, `mode ${mode}`, `up ${uptimeSeconds} s`, ...(draining ? ["draining"] : [])]],
    ["collector", [
      `${collector.address} ${collector.state}${isAway ? ` since ${collector.since}` : ""}`,
      ...(typeof collector.reason === "string" ? [collector.reason] : []),
      `${collector.profile} (${collector.dialect})`,
      ...(typeof collector.nextProfile === "string"
        ? [`waiting for the collector to restart: then ${collector.nextProfile}`]
        : []),
      `${collector.reconnects} reconnects`,
    ]],
    ...(collectors ?? []).slice(1).map((other) => ["", otherCollectorFacts(other)] as const),
    ...(cluster === undefined ? [] : [["cluster", clusterFacts(cluster)] as const]),
    ["sessions", [
      `${open} open`,
      `${skew.sessions} of them skewed`,
      ...(closing > 0 ? [`${closing} closing`] : []),
      `${ended} ended`,
      ...(skew.sessions > 0 ? [] : [seen]),
    ]],
    ["messages", [`${totals.messages.received} received`, sent(totals.messages.sent)]],
    ["records", [`${totals.records.received} received`, sent(totals.records.sent)]],
    ...(faults.length === 0 ? [["losses", ["none"]] as const] : []),
  ];
  const { colour, sentence } = HEADS[verdict.verdict];
  return [
    ...wrapWords(`${sentence}: ${printable(verdict.reason)}`.split(" "), width, "  ", "").map((line) =>
      paint(colour, line)
    ),
    ...[...status.certificateFaults ?? [], ...cacheFault(status), ...shortMemory(status)]
      .flatMap((fault) => wrapWords(printable(fault).split(" "), width, "  ", ""))
      .map((line) => paint("red", line)),
    ...refusedLines(status, width).map((line) => paint("red", line)),
    ...rows.flatMap(([name, facts]) => {
      const words = facts.map((fact, at) => printable(fact) + (at < facts.length - 1 ? "," : ""));
      return wrapWords(words, width, " ".repeat(13), `  ${name.padEnd(11)}`);
    }),
    ...(faults.length === 0
      ? []
      : tableLines(faults, ["left", "left", "right"]).map((line) => paint("yellow", `  ${line}`))),
  ].join("\n");
}

/** A collector that peer rules name. */
function otherCollectorFacts(
  { address, state, reason, profile, dialect, nextProfile, sessions, rules }: NonNullable<Status["collectors"]>[number],
): string[] {
  return [
    `${address} ${state}`,
    ...(typeof reason === "string" ? [reason] : []),
    `${profile} (${dialect})`,
    ...(typeof nextProfile === "string" ? [`waiting for the collector to restart: then ${nextProfile}`] : []),
    `${sessions} ${sessions === 1 ? "session" : "sessions"} by ${rules.join(" ")}`,
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

const HEADS = {
  needed: { colour: "yellow", sentence: "needed" },
  not_needed: { colour: "green", sentence: "not needed, the proxy can go" },
  unknown: { colour: "yellow", sentence: "unknown" },
} as const;

function shortMemory({ memory }: Status): string[] {
  if (memory === null || memory === undefined || memory.state === "ample") return [];
  const [resident, limit] = [memory.resident, memory.limit].map((octets) => Math.round(octets / 2 ** 20));
  const what = memory.state === "full" ? "exporters are refused, and sessions" : "sessions";
  return [`${resident} MiB of limits.memory (${limit} MiB) are in use: ${what} that take most are closed`];
}

function cacheFault({ templateCacheFault: fault }: Status): string[] {
  if (fault === null || fault === undefined) return [];
  return [`the template cache ${fault.file} cannot be written since ${fault.since}: ${fault.reason}`];
}

/** A configuration that was refused and not corrected since. */
function refusedLines({ refusedConfiguration }: Status, width: number): string[] {
  if (refusedConfiguration === null || refusedConfiguration === undefined) return [];
  const { since, mistakes } = refusedConfiguration;
  const head = `configuration refused at ${printable(since)}, the previous one is in force:`;
  return [head, ...mistakes].flatMap((line, index) =>
    wrapWords(printable(line).split(" "), width, "    ", index === 0 ? "" : "  ")
  );
}

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

/** Whether the answer says apart what only observed sessions count. */
function isObservedKind(kind: Counted): kind is "recordsDropped" | "messagesRejected" | "informationLost" {
  return kind === "recordsDropped" || kind === "messagesRejected" || kind === "informationLost";
}

type Counted =
  | "recordsDropped"
  | "messagesRejected"
  | "informationLost"
  | "recordsPossiblyLost"
  | "sequenceGaps"
  | "sessionsFailed"
  | "handshakeFailures"
  | "pluginErrors"
  | "referenceFaults";

const SYSTEM: Omit<StatusDependencies, "width" | "paint"> = {
  ask: askAdmin,
  write: writeLine,
  say,
  now: () => performance.now(),
  pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};
