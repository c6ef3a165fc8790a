import { configureSync, getLogger, type LogLevel, type LogRecord, resetSync } from "@logtape/logtape";
import { formatWithinLimit } from "./logs/line_limit.ts";
import { LogQueue } from "./logs/log_queue.ts";
import { RepetitionLimit } from "./logs/repetition_limit.ts";
import { printable } from "./printable.ts";
import { type Clock, pause, SYSTEM_CLOCK } from "./proxy/time/clock.ts";
import type { EventName } from "./proxy/reporting/event_name.ts";

/** Category under which every part of this program logs. */
const ROOT_CATEGORY = "ipfix-skew-proxy";

/** The words that configuration and environment take for a level, from most to least. */
const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;
export type LoggingLevel = (typeof LOG_LEVELS)[number];

/** `json`: one object a line. `text`: for a person at a terminal. */
const LOG_FORMATS = ["json", "text"] as const;
export type LoggingFormat = (typeof LOG_FORMATS)[number];

export interface LoggingOptions {
  readonly level: LoggingLevel;
  readonly format: LoggingFormat;
}

/** What a log line may say beside time, level, event and message, in the order it is written. */
export interface LogFields {
  readonly session?: string | number | undefined;
  readonly peer?: string | undefined;
  readonly observationDomain?: number | undefined;
  readonly template?: number | undefined;
  readonly element?: string | undefined;
  readonly plugin?: string | undefined;
  readonly offset?: number | undefined;
  readonly reason?: string | undefined;
  readonly [more: string]: unknown;
}

const FIRST_FIELDS = ["session", "peer", "observationDomain", "template", "element", "plugin", "offset", "reason"];

/**
 * Logs one event. An event's name never changes its meaning: dashboards and scripts match on it.
 *
 * @param room which part of the program speaks: `proxy`, `config`; a category under {@link ROOT_CATEGORY}
 */
export function logEvent(room: string, level: LoggingLevel, event: EventName, message: string, fields: LogFields = {}) {
  const logger = getLogger([ROOT_CATEGORY, room]);
  // The message may hold braces that came from outside: it goes in as a value, so that it is never read as a template.
  logger[level]("{message}", { ...fields, event, message });
}

/** How long queued lines may take to be written at the end, in milliseconds. */
const FLUSH_MILLISECONDS = 1_000;

const standardError = new LogQueue((octets) => Deno.stderr.write(octets), (dropped) => {
  const message = `${dropped} log lines were dropped: standard error was not read in time`;
  const line = { timestamp: Date.now(), level: "warning" as const, event: "log_lines_dropped", message };
  return `${format({ ...line, fields: { dropped } })}\n`;
});

let format: (line: Line) => string = formatJson;
let repetitions: RepetitionLimit | undefined;

/** Log lines dropped since the start because nobody read them. */
export function logLinesDropped(): number {
  return standardError.dropped;
}

/** Resolves when all lines are written, at most a second later: somebody may have stopped reading them. */
export async function flushLog(clock: Clock = SYSTEM_CLOCK): Promise<void> {
  repetitions?.finish();
  const written = new AbortController();
  await Promise.race([standardError.flushed(), pause(clock, FLUSH_MILLISECONDS, written.signal)]);
  written.abort();
}

/**
 * Sends the log to this writer from now on. Replaces what was configured before. By default, lines go to standard error
 * by way of a bounded queue, so that a reader that stalls stops nothing.
 */
export function configureLogging(
  options: LoggingOptions,
  write: (line: string) => void = (line) => standardError.push(line),
  clock: Clock = SYSTEM_CLOCK,
): void {
  repetitions?.finish();
  const formatLine = format = options.format === "json" ? formatJson : formatText;
  const writeLine = (line: Line) => write(`${formatWithinLimit(line, formatLine, FIRST_FIELDS)}\n`);
  const limit = repetitions = new RepetitionLimit(clock, (of, more) => {
    const message = `and ${more} more lines of ${of} within a second`;
    const timestamp = clock.date().getTime();
    writeLine({ timestamp, level: "warning", event: "log_lines_left_out", message, fields: { of, more } });
  });
  resetSync();
  configureSync({
    reset: true,
    sinks: {
      standardError: (record) => {
        const line = admitted(parts(record), limit);
        if (line !== undefined) writeLine(line);
      },
    },
    loggers: [
      { category: ROOT_CATEGORY, sinks: ["standardError"], lowestLevel: options.level },
      { category: ["logtape", "meta"], sinks: ["standardError"], lowestLevel: "error" },
    ],
  });
}

/**
 * Level and format as the environment overrides them. @throws RangeError for a word that is none of the allowed ones.
 */
export function overrideLogging(
  options: LoggingOptions,
  environment: { get(name: string): string | undefined } = Deno.env,
): LoggingOptions {
  return {
    level: choose("IPFIX_PROXY_LOG_LEVEL", LOG_LEVELS, environment) ?? options.level,
    format: choose("IPFIX_PROXY_LOG_FORMAT", LOG_FORMATS, environment) ?? options.format,
  };
}

function choose<Word extends string>(
  name: string,
  allowed: readonly Word[],
  environment: { get(name: string): string | undefined },
): Word | undefined {
  const given = environment.get(name);
  if (given === undefined || given === "") return undefined;
  const word = allowed.find((word) => word === given);
  if (word === undefined) throw new RangeError(`${name}: "${given}" is none of ${allowed.join(", ")}`);
  return word;
}

/** Characters by which two reasons of failed handshakes are told apart. */
const LONGEST_REASON = 80;

/** What a line says, before it is formatted. */
interface Line {
  readonly timestamp: number;
  readonly level: LogLevel;
  readonly event: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Returns the line, with the count of those left out before it; undefined if there are too many of its kind. */
function admitted(line: Line, limit: RepetitionLimit): Line | undefined {
  const { event, fields } = line;
  const { peer } = fields;
  if (event !== "handshake_failed" || typeof peer !== "string") return limit.admit(event) ? line : undefined;
  // Each attempt comes from another port. One address may fail for several reasons: many Agents may stand behind it.
  const source = `${peer.slice(0, peer.lastIndexOf(":"))} ${String(fields["reason"]).slice(0, LONGEST_REASON)}`;
  const more = limit.admitSource(source);
  if (more === undefined || !limit.admit(event)) return undefined;
  return more === 0 ? line : { ...line, fields: { ...fields, more } };
}

function formatJson({ timestamp, level, event, message, fields }: Line): string {
  const time = new Date(timestamp).toISOString();
  // A person may read it at a terminal all the same.
  return printable(JSON.stringify({ time, level, event, message, ...fields }, replaceWhatJsonLacks));
}

function formatText({ timestamp, level, event, message, fields }: Line): string {
  const time = new Date(timestamp).toISOString();
  const named = Object.entries(fields).map(([name, value]) =>
    `${name}=${typeof value === "string" ? value : JSON.stringify(value, replaceWhatJsonLacks)}`
  );
  return printable([time, level.toUpperCase().padEnd(7), event, message, ...named].join(" "));
}

function parts(record: LogRecord): Line {
  const { event, message, ...others } = record.properties;
  const fields: Record<string, unknown> = {};
  for (const name of FIRST_FIELDS) if (others[name] !== undefined) fields[name] = others[name];
  for (const [name, value] of Object.entries(others)) if (value !== undefined) fields[name] = value;
  return {
    timestamp: record.timestamp,
    level: record.level,
    event: typeof event === "string" ? event : "log",
    message: typeof message === "string" ? message : record.message.map(String).join(""),
    fields,
  };
}

function replaceWhatJsonLacks(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Error) return value.message;
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Uint8Array) return value.toHex();
  return value;
}
