import { Command } from "commander";
import { parseDuration } from "../../config/yaml/quantity.ts";
import { adminUrl, askAdmin, DEFAULT_ADMIN } from "../command_line/admin_client.ts";
import { CommandFailure, EXIT, usageFailure } from "../command_line/command_failure.ts";
import { systemReason } from "../../error_message.ts";
import { type Paint, painter, printable, say, terminalWidth, wantsColour, writeLine } from "../../terminal/terminal.ts";
import { STATUS, type Status } from "./status_answer.ts";
import { statusText } from "./status_text.ts";

/** The exit status for each verdict. */
const EXIT_STATUS = { not_needed: 0, needed: 3, unknown: 4 } as const;

/** How often the proxy is asked while waiting. */
const ASK_AGAIN_MILLISECONDS = 1_000;

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
  const { ask, write, say, now, pause, width, paint } = dependencies;
  const url = adminUrl(options.admin, "/api/status");
  const settle = options.settle === undefined ? 0 : milliseconds("--settle", options.settle) / 1000;
  const deadline = now() + (options.wait === undefined ? 0 : milliseconds("--wait", options.wait));
  let said = "";
  for (;;) {
    const answer = await outcomeOf(() => ask(url));
    const last = now() >= deadline;
    if (answer.status !== undefined && (last || isSettled(answer.status, settle))) {
      await write(options.json === true ? JSON.stringify(answer.body) : statusText(answer.status, width, paint));
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

const SYSTEM: Omit<StatusDependencies, "width" | "paint"> = {
  ask: askAdmin,
  write: writeLine,
  say,
  now: () => performance.now(),
  pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};
