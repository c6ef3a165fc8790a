import { by, type MetricDefinition, one } from "./metric_definition.ts";

const MEMORY_STATES = ["ample", "tight", "full"] as const;
const RELOAD_OUTCOMES = ["applied", "refused"] as const;

/** The proxy itself: its memory, log, files, configuration and certificates. */
export const PROGRAM_METRICS: readonly MetricDefinition[] = [
  {
    kind: "gauge",
    name: "memory_limit_octets",
    help: "limits.memory: the resident memory that the process does not pass.",
    read: ({ view: { memory } }) => memory === undefined ? [] : one(memory.limit),
  },
  {
    kind: "gauge",
    name: "memory_state",
    help:
      "1 for how much memory is left: ample; tight, so that sessions which take most are closed; or full, so that exporters are refused and templates wait as well.",
    labels: ["state"],
    read: ({ view: { memory } }) =>
      memory === undefined
        ? []
        : MEMORY_STATES.map((state) => ({ labels: { state }, value: state === memory.state ? 1 : 0 })),
  },
  {
    kind: "counter",
    name: "log_lines_dropped_total",
    help: "Log lines dropped because standard error was not read in time.",
    read: ({ view }) => one(view.logLinesDropped ?? 0),
  },
  {
    kind: "counter",
    name: "template_cache_writes_total",
    help: "Attempts to write the cache of templates over UDP, by outcome: written or failed.",
    labels: ["outcome"],
    read: ({ view: { templateCache } }) =>
      templateCache === undefined ? [] : by("outcome", new Map(Object.entries(templateCache.writes))),
  },
  {
    kind: "counter",
    name: "config_reloads_total",
    help: "Attempts to reload the configuration, by outcome.",
    labels: ["outcome"],
    read: ({ view }) => by("outcome", view.configReloads, RELOAD_OUTCOMES),
  },
  {
    kind: "gauge",
    name: "config_last_reload_successful",
    help: "0 from the moment a changed configuration is refused until a good one is loaded; otherwise 1.",
    read: ({ view }) => one(view.refusedConfiguration === undefined ? 1 : 0),
  },
  {
    kind: "gauge",
    name: "certificate_expiry_timestamp_seconds",
    help: "Earliest expiry of a certificate, by role, in seconds since 1970-01-01 UTC.",
    labels: ["role"],
    read: ({ view }) => {
      const first = new Map<string, number>();
      for (const { role, expiresAt } of view.certificates ?? []) {
        first.set(role, Math.min(first.get(role) ?? Infinity, expiresAt.getTime() / 1000));
      }
      return by("role", first);
    },
  },
  {
    kind: "gauge",
    name: "certificate_valid_from_timestamp_seconds",
    help: "Latest time from which a certificate is valid, by role, in seconds since 1970-01-01 UTC.",
    labels: ["role"],
    read: ({ view }) => {
      const last = new Map<string, number>();
      for (const { role, validFrom } of view.certificates ?? []) {
        last.set(role, Math.max(last.get(role) ?? -Infinity, validFrom.getTime() / 1000));
      }
      return by("role", last);
    },
  },
  {
    kind: "gauge",
    name: "build_info",
    help: "Always 1; its labels are the versions of the proxy and of Deno.",
    labels: ["version", "deno"],
    read: ({ view }) => [{ labels: { version: view.version, deno: Deno.version.deno }, value: 1 }],
  },
];
