import { Counters } from "../../mediation/templates/counters.ts";
import type { ProxyCounters, SessionOutcome } from "../reporting/proxy_counters.ts";
import type { EventFields, ReportEvent } from "../reporting/proxy_event.ts";
import { Places } from "../transport/places.ts";
import { type Address, ownerOf } from "../transport/address.ts";
import type { FirstTemplate } from "../../mediation/mapping/chain/treatment.ts";
import type { CurrentCollector } from "../current_collector.ts";
import type { SessionCapture } from "../session/rewriting/capture.ts";
import type { Session } from "../session/session.ts";
import type { Turns } from "../time/turns.ts";
import type { TemplateState } from "../../mediation/session/session_rewriter.ts";
import type { EndedSessions } from "./ended_sessions.ts";
import type { CachedExporter } from "../transport/udp/cached_exporter.ts";

/** Part of the sessions of one address that may be ended at once when memory is short. */
const ENDED_PART = 1 / 4;

/** Counts of one or several sessions. */
export interface Counted {
  readonly counters: Counters;
  /** Whether they are only observed: their drops and losses are what rewriting would cause. */
  readonly observed: boolean;
}

/** A session with what the proxy keeps about it. */
export interface OpenSession {
  readonly session: Session;
  readonly capture: SessionCapture;
  /** Its collector; the default one while that is not decided. */
  collector: CurrentCollector;
  /** The first template, if it decided the collector. */
  decidedBy: FirstTemplate | undefined;
}

/**
 * The sessions that have not ended, oldest first, and the counters of those that have. A session whose exporter has
 * left is closing and no longer open.
 */
export class OpenSessions implements Iterable<Session> {
  readonly #report: ReportEvent;
  readonly #counters: ProxyCounters;
  readonly #open = new Map<string, OpenSession>();
  /** Ids of closing sessions, which only deliver what their exporters had sent. */
  readonly #closing = new Set<string>();
  /** Closing sessions that may still wait for their collector, oldest first. */
  readonly #waiting = new Set<string>();
  /** Each resolves when its session has ended. */
  readonly #running = new Map<string, Promise<SessionOutcome>>();
  readonly #ended = new Counters();
  /** Those of sessions that were only observed. */
  readonly #endedObserved = new Counters();
  readonly #kept: EndedSessions;
  readonly #places = new Places<Session>();
  #datagramSessions = 0;

  constructor(report: ReportEvent, counters: ProxyCounters, kept: EndedSessions) {
    this.#report = report;
    this.#counters = counters;
    this.#kept = kept;
  }

  /** Number of sessions with an exporter. */
  get open(): number {
    return this.#open.size - this.#closing.size;
  }

  /** Number of closing sessions. */
  get closing(): number {
    return this.#closing.size;
  }

  *[Symbol.iterator](): Iterator<Session> {
    for (const { session } of this.#open.values()) yield session;
  }

  /** The same with what the proxy keeps about them. */
  get entries(): Iterable<OpenSession> {
    return this.#open.values();
  }

  get(id: string): OpenSession | undefined {
    return this.#open.get(id);
  }

  /** Sessions over UDP that have not ended, those whose source was removed included. */
  get datagramSessions(): number {
    return this.#datagramSessions;
  }

  /** Open sessions other than over UDP, whose sources have places of their own. */
  get streams(): number {
    return this.#places.taken;
  }

  /**
   * Adds a session and starts it. {@link end} has to be called when it ends.
   *
   * Health probes connect over TCP without sending anything, so a session over TCP is reported only by {@link hear}.
   */
  start(open: OpenSession): void {
    const { session } = open;
    this.#open.set(session.id, open);
    if (session.transport === "udp") this.#datagramSessions++;
    else this.#places.take(session);
    if (session.transport !== "tcp") this.#reportOpened(session);
    this.#running.set(session.id, session.run());
  }

  /** Reports a session over TCP as open, now that its exporter has sent something. */
  hear(id: string): void {
    const session = this.#open.get(id)?.session;
    if (session?.transport === "tcp") this.#reportOpened(session);
  }

  /**
   * Ends the session that makes room for a newcomer when no place is free.
   *
   * @returns whether there is one
   */
  makeRoom(newcomer: Address): boolean {
    const leaving = this.#places.yieldTo(newcomer);
    if (leaving === undefined) return false;
    this.#places.free(leaving);
    leaving.evict("sessions");
    return true;
  }

  /**
   * Ends the quietest sessions of the address that has most, because the process takes too much memory: at most this
   * many, and at most a quarter of the sessions of that address, since a few cannot be what takes it. All addresses
   * over UDP, where they may be forged, count as one.
   */
  relieve(most: number): void {
    const owners = new Map<string, Session[]>();
    let largest: Session[] = [];
    for (const session of this) {
      if (session.closing) continue;
      const owner = session.transport === "udp" ? "udp" : ownerOf(session.remoteAddress);
      const own = owners.get(owner) ?? [];
      if (own.push(session) === 1) owners.set(owner, own);
      if (own.length > largest.length) largest = own;
    }
    const count = Math.min(most, Math.floor(largest.length * ENDED_PART));
    for (const session of largest.sort((one, other) => other.quiet - one.quiet).slice(0, count)) {
      this.#places.free(session);
      session.evict("memory");
    }
  }

  #reportOpened(session: Session): void {
    const message = `session ${session.id} with ${session.peer} is open`;
    this.#report({ level: "info", event: "session_opened", message, fields: describeSession(session) });
  }

  /**
   * The exporter of a session has left. The session stays until its collector has closed its side or the limit is over.
   *
   * @param most closing sessions at a time: past that the oldest one no longer waits for its collector
   */
  beginClosing(id: string, most: number): void {
    const session = this.#open.get(id)?.session;
    if (session === undefined) return;
    this.#places.free(session);
    this.#closing.add(id);
    this.#waiting.add(id);
    const [oldest] = this.#waiting;
    if (oldest === undefined || this.#waiting.size <= most) return;
    this.#waiting.delete(oldest);
    this.#open.get(oldest)?.session.stop("closed");
  }

  /**
   * Removes a session that has ended; its counters stay in the totals.
   *
   * @param templates its templates when it ended
   */
  end(id: string, outcome: SessionOutcome, templates: readonly TemplateState[]): void {
    const session = this.#open.get(id)?.session;
    if (session === undefined) return;
    this.#running.delete(id);
    this.#open.delete(id);
    if (session.transport === "udp") this.#datagramSessions--;
    this.#places.free(session);
    this.#closing.delete(id);
    this.#waiting.delete(id);
    for (const each of session.counted()) (each.observed ? this.#endedObserved : this.#ended).add(each.counters);
    this.#counters.countSession(session.transport, outcome);
    const { messagesReceived, messagesSent, recordsReceived, recordsSent } = session.counters;
    const counted = { outcome, messagesReceived, messagesSent, recordsReceived, recordsSent };
    const message = `session ${id} with ${session.peer} has ended: ${outcome.replaceAll("_", " ")}`;
    const isProbe = session.transport === "tcp" && !session.heard;
    if (!isProbe) this.#kept.add(session, outcome, templates);
    const isOrderly = outcome === "closed" || outcome === "drained" || outcome === "administrator";
    const level = isProbe ? "debug" : isOrderly ? "info" : "warning";
    this.#report({ level, event: "session_closed", message, fields: { ...describeSession(session), ...counted } });
  }

  /** Resolves when every session that is open now has ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  /** Asks every session to end with this outcome, at once. */
  stop(outcome: SessionOutcome): void {
    for (const session of this) session.stop(outcome);
  }

  /** Does something with every session that is open now and has not ended by then, in turns. */
  async each(turns: Pick<Turns, "over" | "next">, act: (session: Session) => void): Promise<void> {
    for (const session of [...this]) {
      if (turns.over) await turns.next();
      if (this.#open.has(session.id)) act(session);
    }
  }

  /** The counters of all sessions: first the sums of those that have ended, then those of each open one. */
  *counted(): Iterable<Counted> {
    yield { counters: this.#ended, observed: false };
    yield { counters: this.#endedObserved, observed: true };
    for (const session of this) yield* session.counted();
  }

  /**
   * Discards the lost values of ended sessions, and those that open sessions counted in an earlier mode. Those of the
   * present mode are discarded when they are read.
   */
  forgetLostValues(): void {
    for (const session of this) session.forgetLostValues();
    this.#ended.forgetLostValues();
    this.#endedObserved.forgetLostValues();
    this.#kept.forgetLostValues();
  }

  /** What exporters over UDP have announced, for a {@link TemplateCache}. Templates are encoded when they are read. */
  *cachedExporters(): Iterable<CachedExporter> {
    for (const session of this) {
      const { templateLife, remoteAddress } = session;
      if (templateLife === undefined) continue;
      yield {
        ...templateLife,
        address: remoteAddress.hostname,
        port: remoteAddress.port,
        get templates() {
          return session.sourceTemplates();
        },
      };
    }
  }
}

/** The fields that the events of a session's beginning and end have in common. */
function describeSession({ id, peer, transport, certificateName, observed }: Session): EventFields {
  return {
    session: id,
    peer,
    transport,
    ...(certificateName === undefined ? {} : { certificateName }),
    ...(observed ? { observed } : {}),
  };
}
