/**
 * Every event that is logged, and what it means. Names and meanings are stable, since scripts and dashboards match on
 * them.
 *
 * @module
 */
export const EVENT_MEANINGS = {
  started: "All listeners are bound.",
  start_failed: "The proxy could not start. No listener stays bound.",
  draining: "SIGTERM, SIGINT or `POST /api/drain` was received: new exporters are refused, open sessions may end.",
  stopping_at_once: "A second signal was received: open sessions are aborted.",
  stopped: "All sessions are closed.",
  unexpected_error:
    "An error that nothing handles, thrown by a plugin inside the proxy or by a fault of the proxy; it goes on.",
  config_reloaded:
    "A changed configuration, or a changed file that it names, is in effect; `changed` lists what differs.",
  config_warning: "The configuration is in effect, but may not be what is meant, as the message says.",
  config_refused: "A changed configuration has errors, all of them listed. The previous one stays in effect.",
  session_opened: "An exporter has connected and its session is open.",
  session_closed:
    "A session has ended, with its outcome and its message and record counts; with `observed`, those sent are what would be.",
  session_refused:
    "An exporter was refused: the session limit is reached, or the collector has been away for `limits.hold`.",
  session_failed: "An internal error of the proxy ended a session.",
  accept_failed: "A listener could not accept a connection. It keeps listening.",
  handshake_failed:
    "The TLS handshake with an exporter failed: who refused whom, plaintext, or timed out. `handshake_failures_total` counts them by reason.",
  connection_overrun:
    "A gRPC connection was closed because too many octets of its requests were incomplete or not yet processed.",
  message_rejected: "A message violates RFC 7011 and was rejected as a whole. Reported once per session and reason.",
  template_mapped:
    "A template was received and is sent to the collector, unchanged or with fields stripped and padded; with `observed`, they would be.",
  template_refused:
    "A template was received that is not sent to the collector, and neither are its data records; with `observed`, they would not be.",
  template_collision:
    "Two sessions have different layouts under one observation domain and template id; a collector that tells exporters apart by address alone mixes them.",
  template_withdrawn: "The exporter has withdrawn a template.",
  plugin_failed: "A plugin threw, or returned a mapping that is not valid.",
  plugin_output: "A plugin in a process of its own printed a line; at most ten a second.",
  records_dropped:
    "Data records were dropped; with `observed`, they would be. Reported once per session, reason and template.",
  warning: "Something unusual that is tolerated, such as a redefined template or the withdrawal of an unknown one.",
  templates_throttled:
    "An exporter changes templates faster than `limits.templateChanges` allows, and waits its turn. Reported once per session.",
  templates_evicted:
    "A session was closed because its templates take most memory and others need it: `limits.templateMemory` is used up.",
  log_lines_left_out: "An event was logged too often within a second: how many further lines of it were left out.",
  log_lines_dropped: "Log lines were dropped because nobody read them. `log_lines_dropped_total` counts them.",
  sequence_gap: "The exporter's sequence number is not the expected one.",
  observing_ended:
    "An exporter in observe mode sent a malformed message, or one that takes too long while others need the memory. Its session is relayed on, but no longer observed.",
  collector_connected: "A session is connected to the collector.",
  collector_unreachable:
    "The collector cannot be reached. Connecting is retried with backoff. Reported again when the reason changes.",
  collector_gone: "The collector's process has ended, or cannot be reached any more: its epoch is over.",
  collector_watch_lost: "The watch connection has ended, but sessions' connections stand: the network dropped it.",
  profile_waits: "The collector's profile was changed. It takes effect when the collector restarts.",
  profile_adopted: "Another profile of the collector has taken effect.",
  candidate_in_doubt: "The collector has ended soon after it was given templates of one of `collector.candidates`.",
  candidate_rejected: "The collector has ended on one of `collector.candidates` repeatedly: another one is in effect.",
  candidate_tried_again: "The collector has restarted: the first of `collector.candidates` is tried again, once.",
  collector_lost: "A connection to the collector was lost, with an upper bound of the records lost with it.",
  collector_found:
    "The collector is there again: a connection that took something has lasted, or the watch connection has stood for a second. Templates go first.",
  held_octets_discarded:
    "Octets held for the collector were discarded: it did not come back in time, or now expects something else.",
  skew_seen: "A session needs rewriting.",
  skew_over:
    "The verdict has become not_needed: no session has needed rewriting for some time, and the proxy can be removed.",
  parent_gone:
    "The process that started the proxy has ended without ending the proxy, which goes on and keeps its ports.",
  certificate_changed: "A changed certificate or key file is in use.",
  certificate_refused: "A changed certificate or key file cannot be used. The previous one stays in use.",
  certificate_expires: "A certificate expires soon, or has expired, which is an error.",
  certificate_not_valid_yet: "A certificate in use is not valid yet.",
  cache_read: "Templates of exporters over UDP were read from the cache.",
  cache_ignored: "The template cache is damaged or has an unknown format. It starts out empty.",
  cache_full: "The template cache is full. The exporters heard last are kept.",
  cache_write_failed: "The template cache cannot be written.",
  cache_recovered: "The template cache is written again.",
  trust_waiting: "What the cluster does not hold or say yet, without which no exporter is let in.",
  trust_established: "The cluster holds all that Agents and the Aggregator are verified with.",
  trust_changed: "A certificate or CA out of the cluster has changed and is in force.",
  trust_problem: "What the cluster holds, or says, cannot be used; the last good trust stays in force.",
  ca_appended: "The proxy's own CA was put into the bundle that Agents read.",
  ca_withdrawn: "The proxy's own CA was taken out of the bundle that Agents read.",
  kubernetes_denied: "An RBAC rule is missing, and there is another way that it does not need.",
  clock_skew: "This machine's clock and the API server's differ by more than a minute.",
  release_seen: "The Aggregator's release, or that of the next one, by its Pod's image.",
  release_unknown: "The Aggregator's Pod does not say which release it is.",
  agents_unknown: "The cluster does not say which Agents there are.",
} as const;

/** One of {@link EVENT_MEANINGS}. */
export type EventName = keyof typeof EVENT_MEANINGS;
