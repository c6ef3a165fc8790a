import type { Collectors } from "../collectors.ts";
import type { CurrentCollector } from "../current_collector.ts";
import type { OpenSession } from "../sessions/open_sessions.ts";
import type { CollectorEvidence, SessionEvidence } from "./verdict.ts";

/** What the sessions say of whether the proxy is needed. */
export function sessionEvidence(entries: Iterable<OpenSession>): SessionEvidence {
  let [open, skewed, unread, observed, converted] = [0, 0, 0, 0, 0];
  for (const { session, collector } of entries) {
    if (session.closing || session.silent || session.unheard) continue;
    open++;
    if (session.skewed) skewed++;
    if (session.skewed && session.observed) observed++;
    if (!session.templatesKnown) unread++;
    if (!session.undecided && !collector.takes(session.transport)) converted++;
  }
  return { open, skewed, observed, unread, converted };
}

/** What the collectors say: the one of them that is in the worst state. */
export function collectorEvidence(collectors: Collectors, entries: Iterable<OpenSession>): CollectorEvidence {
  const inUse = new Set<CurrentCollector>([collectors.base]);
  const all = [...collectors];
  if (all.length > 1) {
    for (const { session, collector } of entries) if (!session.closing && !session.undecided) inUse.add(collector);
  }
  // One without sessions counts as soon as it is away: its exporters may be waiting to be let in.
  const worst = all.find(({ collector }) => collector.condition === "away") ??
    all.find((one) => inUse.has(one) && !one.collector.up) ??
    all.find((one) => inUse.has(one) && one.unwatched) ??
    all.find((one) => inUse.has(one) && one.nextProfile !== undefined) ?? collectors.base;
  const { nextProfile, unwatched, collector: { address, up, condition, reason } } = worst;
  return { address, up, tried: condition !== "idle", unwatched, reason, nextProfile };
}
