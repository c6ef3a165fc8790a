import { Command } from "commander";
import { z } from "zod";
import { parseDuration } from "../config/yaml/quantity.ts";
import { adminUrl, askAdmin, DEFAULT_ADMIN } from "./command_line/admin_client.ts";
import { CommandFailure, EXIT, usageFailure } from "./command_line/command_failure.ts";
import { errorMessage } from "../error_message.ts";
import { type Paint, painter, printable, say, terminalWidth, wantsColour, writeLine } from "../terminal/terminal.ts";
import { tableLines, wrapWords } from "../terminal/text_table.ts";

/** The exit status while sessions still need rewriting. */
const SKEW_PRESENT = 3;

/** How often the proxy is asked while waiting. */
const ASK_AGAIN_MILLISECONDS = 1_000;

const COUNTS = z.record(z.string(), z.number());

/** The part of the answer that `status` needs; `--json` passes on the rest unchanged. */
const STATUS = z.looseObject({
  version: z.string(),
  mode: z.string(),
  uptimeSeconds: z.number(),
  draining: z.boolean(),
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
  skew: z.looseObject({
    sessions: z.number(),
    left: z.number(),
    lastSeen: z.string().nullable(),
    quietSeconds: z.number().optional(),
    settleSeconds: z.number().optional(),
  }),
  totals: z.looseObject({
    sessions: z.looseObject({ open: z.number(), ended: z.number() }),
    messages: z.looseObject({ received: z.number(), sent: z.number() }),
    records: z.looseObject({ received: z.number(), sent: z.number() }),
    pluginErrors: COUNTS.optional(),
  }),
  losses: z.looseObject({
    recordsDropped: COUNTS.optional(),
    messagesRejected: COUNTS.optional(),
    informationLost: COUNTS.optional(),
    sessionsFailed: COUNTS.optional(),
    recordsPossiblyLost: z.number().optional(),
  }),
  cluster: z.looseObject({
    waitingFor: z.string(),
    problems: z.array(z.string()),
    trust: z.looseObject({ mode: z.string().optional() }).optional(),
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
  /** A duration: how long to ask again while skew is left. */
  readonly wait?: string;
  /** A duration: how long no session may have needed rewriting before waiting ends. */
  readonly settle?: string;
}

/** The `status` command. */
export function statusCommand(): Command {
  return new Command("status")
    .summary("ask a running proxy whether it is still needed")
    .description(
      "Asks a running proxy for its sessions, skew and losses. " +
        "Exit status: 0 no session needs rewriting any more (the proxy can go), 3 some do, 1 not reachable.",
    )
    .option("--admin <url>", "admin address of the proxy", DEFAULT_ADMIN)
    .option("--json", "print the answer as JSON")
    .option("--wait <duration>", "ask again until no skew is left, for at most this long, such as 30m")
    .option("--settle <duration>", "how long skew must have been absent (default: admin.skewSettle of the proxy)")
    .action((options: StatusOptions) =>
      status(options, { ...SYSTEM, width: terminalWidth(), paint: painter(wantsColour()) })
    );
}

/**
 * Asks once, or with `wait` until there has been no skew for `settle` or the time has run out.
 *
 * @throws CommandFailure with exit status 3 (skew is left), 1 (not reachable), 2 (wrong usage)
 */
export async function status(options: StatusOptions, dependencies: StatusDependencies): Promise<void> {
  const { ask, write, say, now, pause } = dependencies;
  const url = adminUrl(options.admin, "/api/status");
  const settle = options.settle === undefined ? undefined : milliseconds("--settle", options.settle) / 1000;
  const deadline = now() + (options.wait === undefined ? 0 : milliseconds("--wait", options.wait));
  let said = "";
  for (;;) {
    const answer = await outcomeOf(() => ask(url));
    const last = now() >= deadline;
    if (answer.status !== undefined && (last || isSettled(answer.status, settle))) {
      await write(options.json === true ? JSON.stringify(answer.body) : summary(answer.status, dependencies));
      if (answer.status.skew.left === 0) return;
      throw new CommandFailure(SKEW_PRESENT, "");
    }
    const news = answer.status === undefined
      ? `no status from ${url.origin}: ${printable(answer.reason)}`
      : answer.status.skew.left === 0
      ? "no session needs rewriting now; waiting to see whether it stays so"
      : `sessions that still need rewriting: ${answer.status.skew.left}`;
    if (last) throw new CommandFailure(EXIT.FAILED, `error: ${news}`);
    if (news !== said) say(said = news);
    await pause(Math.min(ASK_AGAIN_MILLISECONDS, deadline - now()));
  }
}

type Answer =
  | { readonly status: Status; readonly body: unknown }
  | { readonly status: undefined; readonly reason: string };

async function outcomeOf(ask: () => Promise<unknown>): Promise<Answer> {
  try {
    const body = await ask();
    const { success, data } = STATUS.safeParse(body);
    return success ? { status: data, body } : { status: undefined, reason: "what answers there is not this proxy" };
  } catch (error) {
    return { status: undefined, reason: errorMessage(error) };
  }
}

/** Whether skew has been absent long enough that no Agent is merely reconnecting. */
function isSettled({ skew }: Status, settle = skew.settleSeconds ?? 0): boolean {
  return skew.left === 0 && (skew.quietSeconds ?? Infinity) >= settle;
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
  const { version, mode, uptimeSeconds, draining, collector, skew, totals, losses, cluster } = status;
  const counts = {
    ...losses,
    pluginErrors: totals.pluginErrors,
    recordsPossiblyLost: { "with broken connections": losses.recordsPossiblyLost ?? 0 },
  };
  const lost = LOSS_WORDS.flatMap(([kind, words, wordsOfObserving]) =>
    Object.entries(counts[kind] ?? {}).filter(([, count]) => count > 0).map(([what, count]) =>
      [mode === "observe" ? wordsOfObserving : words, what, String(count)].map(printable)
    )
  );
  const seen = skew.lastSeen === null ? "none has been seen" : `last seen at ${skew.lastSeen}`;
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
    ...(cluster === undefined ? [] : [["cluster", clusterFacts(cluster)] as const]),
    ["sessions", [`${totals.sessions.open} open`, `${skew.sessions} of them skewed`, `${totals.sessions.ended} ended`]],
    ["messages", [`${totals.messages.received} received`, `${totals.messages.sent} sent`]],
    ["records", [`${totals.records.received} received`, `${totals.records.sent} sent`]],
    ...(lost.length === 0 ? [["losses", ["none"]] as const] : []),
  ];
  const head = skew.left > 0
    ? paint("yellow", `skew: ${skew.left} sessions still need rewriting`)
    : paint("green", `no skew left, the proxy can go: ${printable(seen)}`);
  return [
    head,
    ...rows.flatMap(([name, facts]) => {
      const words = facts.map((fact, at) => printable(fact) + (at < facts.length - 1 ? "," : ""));
      return wrapWords(words, width, " ".repeat(13), `  ${name.padEnd(11)}`);
    }),
    ...(lost.length === 0
      ? []
      : tableLines(lost, ["left", "left", "right"]).map((line) => paint("yellow", `  ${line}`))),
  ].join("\n");
}

function clusterFacts({ waitingFor, problems, trust, aggregator }: NonNullable<Status["cluster"]>): string[] {
  return [
    ...(waitingFor === "" ? [] : [`waiting for ${waitingFor}`]),
    ...(trust?.mode === undefined ? [] : [`trust by ${trust.mode}`]),
    ...(aggregator?.release === undefined ? [] : [`Aggregator ${aggregator.release}`]),
    ...(aggregator?.next === undefined ? [] : [`then ${aggregator.next}`]),
    ...problems,
  ];
}

/** What is told of each kind of loss; while only observing, most of it is what would be lost. */
const LOSS_WORDS = [
  ["recordsDropped", "records dropped", "records that would be dropped"],
  ["messagesRejected", "messages rejected", "messages that would be rejected"],
  ["informationLost", "records that lost a value", "records that would lose a value"],
  ["recordsPossiblyLost", "records that may be lost", "records that may be lost"],
  ["sessionsFailed", "sessions", "sessions"],
  ["pluginErrors", "plugin failures", "plugin failures"],
] as const;

const SYSTEM: Omit<StatusDependencies, "width" | "paint"> = {
  ask: askAdmin,
  write: writeLine,
  say,
  now: () => performance.now(),
  pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};
