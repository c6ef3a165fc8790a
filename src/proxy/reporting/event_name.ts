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
    "An unexpected error, thrown by a plugin inside the proxy or caused by a bug in the proxy, which keeps running.",
  config_reloaded:
    "A changed configuration, or a changed file that it names, is in effect; `changed` lists what differs.",
  config_warning: "The configuration is in effect, but may not mean what was intended; the message says why.",
  config_refused: "A changed configuration has errors, all of them listed. The previous one stays in effect.",
  session_opened: "An exporter has connected and its session is open.",
  session_closed:
    "A session has ended, with its outcome and its message and record counts; with `observed`, those sent are what would have been sent.",
  session_refused:
    "An exporter was refused: the session limit is reached, the process is close to `limits.memory`, or the collector has been away for `limits.hold`.",
  session_failed: "An internal error of the proxy ended a session.",
  accept_failed: "A listener could not accept a connection. It keeps listening.",
  handshake_failed:
    "The TLS handshake with an exporter failed: who refused whom, plaintext, or timed out. `handshake_failures_total` counts them by reason.",
  connection_overrun:
    "A gRPC connection was closed because too many octets of its requests were waiting, or its header fields were too long.",
  message_rejected: "A message violates RFC 7011 and was rejected as a whole. Reported once per session and reason.",
  template_mapped:
    "A template was received and is sent to the collector, unchanged or with fields stripped and padded; with `observed`, they would have been.",
  template_refused:
    "A template was received that is not sent to the collector, and neither are its data records; with `observed`, they would not have been.",
  template_collision:
    "Two sessions have different layouts under one observation domain and template id; a collector that tells exporters apart by address alone mixes them.",
  template_withdrawn: "The exporter has withdrawn a template.",
  plugin_failed: "A plugin threw, or returned a mapping that is not valid.",
  plugin_output: "A plugin of your own printed a line (ten a second at most), or its process ended unasked.",
  records_dropped:
    "Data records were dropped; with `observed`, they would have been. Reported once per session, reason and template; of datagrams that no session read, once a minute per source and reason.",
  warning: "Something unusual that is tolerated, such as a redefined template or the withdrawal of an unknown one.",
  templates_throttled:
    "An exporter changes templates faster than `limits.templateChanges` allows, and is limited to that. Reported once per session.",
  templates_evicted:
    "`limits.templateMemory` was used up, or the process came close to `limits.memory`: the session whose templates took most memory was closed.",
  memory_full:
    "The process came close to `limits.memory`: exporters are refused and templates wait until sessions that take most have been closed. At most once a minute.",
  log_lines_left_out: "An event was logged too often within a second; the line says how many more were left out.",
  log_lines_dropped:
    "Log lines were dropped because standard error was not read in time. `log_lines_dropped_total` counts them.",
  sequence_gap: "The exporter's sequence number is not the expected one.",
  observing_ended:
    "An exporter in observe mode sent a malformed message, or one that takes too long while others need the memory. Its session is still relayed, but no longer observed.",
  collector_connected: "A session is connected to the collector.",
  collector_unreachable:
    "The collector cannot be reached. Connecting is retried with backoff. Reported again when the reason changes.",
  collector_gone: "The collector's process has ended, or cannot be reached any more: its epoch is over.",
  collector_watch_lost:
    "The watch connection has ended, but the sessions' connections are still up: the network dropped it.",
  profile_waits: "The collector's profile was changed. It takes effect when the collector restarts.",
  profile_adopted: "Another profile of the collector has taken effect.",
  candidate_in_doubt: "The collector ended soon after it received templates of one of `collector.candidates`.",
  candidate_rejected:
    "The collector ended repeatedly on templates of one of `collector.candidates`: another one is now in effect.",
  candidate_tried_again: "The collector has restarted: the first of `collector.candidates` is tried once more.",
  collector_lost: "A connection to the collector was lost, with an upper bound of the records lost with it.",
  collector_found:
    "The collector is reachable, or reachable again: a connection that accepted data has lasted, or the watch connection has been up for a second. Templates are sent first.",
  held_octets_discarded:
    "Octets held for the collector were discarded: it did not come back in time, or now expects something else.",
  skew_seen: "A session needs rewriting.",
  skew_over:
    "The verdict has become not_needed: no session has needed rewriting for some time, and the proxy can be removed.",
  parent_gone:
    "The process that started the proxy has ended without ending the proxy, which keeps running and holds its ports.",
  certificate_changed: "A changed certificate or key file is in use.",
  certificate_refused: "A changed certificate or key file cannot be used. The previous one stays in use.",
  certificate_expires: "A certificate expires soon, or has expired, which is an error.",
  certificate_not_valid_yet: "A certificate in use is not valid yet.",
  cache_read: "Templates of exporters over UDP were read from the cache.",
  cache_ignored: "The template cache is damaged or has an unknown format. It starts out empty.",
  cache_full: "The template cache is full. The exporters heard last are kept.",
  cache_write_failed: "The template cache cannot be written.",
  cache_recovered: "The template cache can be written again.",
  trust_waiting: "Something is still missing from the cluster; until it is there, no exporter is let in.",
  trust_established: "Everything needed to verify Agents and the Aggregator was found in the cluster.",
  trust_changed: "A certificate or CA from the cluster has changed and is in use.",
  trust_problem: "Something in the cluster cannot be used; the last good certificates stay in use.",
  ca_appended: "The proxy's own CA was added to the bundle that Agents read.",
  ca_conflict:
    "Somebody else changed the bundle that Agents read between a read and a write; it is read again. A warning where it repeats.",
  ca_of_another_proxy:
    "The bundle that Agents read also holds another proxy's CA: that proxy is running as well, or was killed and left it.",
  ca_withdrawn: "The proxy's own CA was removed from the bundle that Agents read.",
  kubernetes_denied: "An RBAC rule is missing; the proxy uses another way that does not need it.",
  clock_skew: "This machine's clock and the API server's differ by more than a minute.",
  release_seen: "The release of the Aggregator, or of its successor, was read from its Pod's image.",
  release_unknown: "The Aggregator's Pod does not say which release it is.",
  agents_unknown: "The cluster does not say which Agents there are.",
} as const;

/** One of {@link EVENT_MEANINGS}. */
export type EventName = keyof typeof EVENT_MEANINGS;
