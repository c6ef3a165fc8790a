/**
 * Every event that is logged, and what it says: a name never changes its meaning, since scripts and dashboards match on it.
 *
 * @module
 */
export const EVENT_MEANINGS = {
  started: "All listeners are bound.",
  start_failed: "It could not start; nothing stays bound.",
  draining: "SIGTERM, SIGINT or `POST /api/drain` came: no more sessions are let in, those that are open may end.",
  stopping_at_once: "A second signal came: what is under way is given up.",
  stopped: "Every session is closed.",
  config_reloaded: "The configuration, or a file it names, changed and is in force.",
  config_refused: "A changed configuration has mistakes, all of them named; what was in force stays.",
  session_opened: "An exporter is let in.",
  session_closed: "An exporter's session is over, and why; with what it received, sent and lost.",
  session_refused: "An exporter is not let in: too many are.",
  session_failed: "A fault of the proxy ended a session.",
  accept_failed: "A listener could not take a connection; it goes on.",
  handshake_failed:
    "An exporter did not come through the TLS handshake: no certificate or a wrong one, plaintext, or too slow.",
  message_rejected: "A message breaks RFC 7011 and is refused whole; once a session and reason.",
  template_mapped: "A template came, and goes to the collector as it is or rewritten: stripped, padded.",
  template_refused: "A template came that does not go to the collector; nor does its data.",
  template_withdrawn: "The exporter withdrew a template.",
  plugin_failed: "A plugin threw, or gave a mapping that cannot be carried out.",
  records_dropped: "Data records do not go out; once a session, reason and template.",
  warning: "Something that is tolerated, such as a redefined template or an unknown withdrawal.",
  sequence_gap: "The exporter's sequence numbers jumped.",
  observing_ended: "An observed session sent a broken message: it is relayed on, unobserved.",
  collector_connected: "A session's connection to the collector stands.",
  collector_unreachable: "The collector is not reached; tried again with backoff.",
  collector_lost: "The collector is gone, with so many records at most.",
  collector_found: "The collector is back, templates first.",
  held_octets_discarded:
    "What was held for the collector is discarded: none came back in time, or what holds now expects something else.",
  skew_seen: "A session needs rewriting.",
  skew_over: "No session has needed rewriting for a while: the proxy can be removed.",
  certificate_changed: "A certificate or key file changed and is in force.",
  certificate_refused: "A changed certificate or key file cannot be used; the one before stays.",
  certificate_expires: "A certificate ends soon, or has ended.",
  cache_read: "Templates of exporters over UDP were read from the cache.",
  cache_ignored: "The template cache is broken or not this program's; it starts anew.",
  cache_full: "The template cache has no room for more templates.",
  cache_write_failed: "The template cache cannot be written.",
} as const;

/** One of {@link EVENT_MEANINGS}. */
export type EventName = keyof typeof EVENT_MEANINGS;
