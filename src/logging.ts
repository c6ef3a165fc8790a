import { configureSync, getLogger, type LogLevel, type LogRecord, resetSync } from "@logtape/logtape";
import type { EventName } from "./proxy/reporting/event_name.ts";

/** Category under which every part of this program logs. */
export const ROOT_CATEGORY = "ipfix-skew-proxy";

/** The words that configuration and environment take for a level, from most to least. */
export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;
export type LoggingLevel = (typeof LOG_LEVELS)[number];

/** `json`: one object a line. `text`: for a person at a terminal. */
export const LOG_FORMATS = ["json", "text"] as const;
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

/** Sends the log to this writer (standard error by default) from now on. Replaces what was configured before. */
export function configureLogging(
  options: LoggingOptions,
  write: (line: string) => void = writeToStandardError,
): void {
  const format = options.format === "json" ? formatJson : formatText;
  resetSync();
  configureSync({
    reset: true,
    sinks: { standardError: (record) => write(`${format(record)}\n`) },
    loggers: [
      { category: ROOT_CATEGORY, sinks: ["standardError"], lowestLevel: options.level },
      { category: ["logtape", "meta"], sinks: ["standardError"], lowestLevel: "error" },
    ],
  });
}

/** Level and format as the environment overrides them. @throws RangeError for a word that is none of the allowed ones. */
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

function formatJson(record: LogRecord): string {
  const { time, level, event, message, fields } = parts(record);
  return JSON.stringify({ time, level, event, message, ...fields }, replaceWhatJsonLacks);
}

function formatText(record: LogRecord): string {
  const { time, level, event, message, fields } = parts(record);
  const named = Object.entries(fields).map(([name, value]) =>
    `${name}=${typeof value === "string" ? value : JSON.stringify(value, replaceWhatJsonLacks)}`
  );
  return oneLine([time, level.toUpperCase().padEnd(7), event, message, ...named].join(" "));
}

function parts(record: LogRecord) {
  const { event, message, ...others } = record.properties;
  const fields: Record<string, unknown> = {};
  for (const name of FIRST_FIELDS) if (others[name] !== undefined) fields[name] = others[name];
  for (const [name, value] of Object.entries(others)) if (value !== undefined) fields[name] = value;
  return {
    time: new Date(record.timestamp).toISOString(),
    level: record.level satisfies LogLevel,
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

/** What an exporter sent may end up in a message: no line breaks, no terminal control sequences. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function writeToStandardError(line: string): void {
  const octets = new TextEncoder().encode(line);
  try {
    for (let written = 0; written < octets.length;) written += Deno.stderr.writeSync(octets.subarray(written));
  } catch {
    // Nobody reads the log any more; what is being served goes on.
  }
}
