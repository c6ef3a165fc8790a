import type { Collectors } from "../collectors.ts";
import type { OpenSession, OpenSessions } from "./open_sessions.ts";
import type { SessionChoice } from "../proxy_options.ts";
import type { ResidentMemory } from "../memory/resident_memory.ts";
import type { ExhaustedLimit, ProxyCounters } from "../reporting/proxy_counters.ts";
import type { ReportEvent } from "../reporting/proxy_event.ts";
import type { SessionFactory } from "./session_factory.ts";
import { formatAddress } from "../transport/address.ts";
import type { Connection } from "../transport/connection.ts";
import type { Listener } from "../transport/listener.ts";
import type { VerdictWatch } from "../verdict/verdict_watch.ts";

/** Dependencies of {@link Admission}. */
export interface AdmissionParts {
  readonly factory: SessionFactory;
  readonly sessions: OpenSessions;
  readonly collectors: Collectors;
  readonly verdict: VerdictWatch;
  readonly counters: ProxyCounters;
  /** The process' memory; undefined: it has no limit. */
  readonly resident: Pick<ResidentMemory, "admit" | "limit"> | undefined;
  readonly report: ReportEvent;
}

/** Sessions over UDP that may still be ending when those that took their sources' places are let in. */
const MOST_LEAVING = 64;

/** Why an exporter is refused. */
type Refusal = "limit" | "memory" | "collector_unavailable";

/** Decides which exporters are let in, and opens their sessions. */
export class Admission {
  /** Whether all exporters are refused, because the proxy drains. */
  closed = false;
  readonly #factory: SessionFactory;
  readonly #sessions: OpenSessions;
  readonly #collectors: Collectors;
  readonly #verdict: VerdictWatch;
  readonly #counters: ProxyCounters;
  readonly #resident: AdmissionParts["resident"];
  readonly #report: ReportEvent;
  /** Why exporters are being refused. */
  #refusal: Refusal | undefined;

  constructor({ factory, sessions, collectors, verdict, counters, resident, report }: AdmissionParts) {
    this.#factory = factory;
    this.#sessions = sessions;
    this.#collectors = collectors;
    this.#verdict = verdict;
    this.#counters = counters;
    this.#resident = resident;
    this.#report = report;
  }

  /** Opens a session for an exporter that has connected, or closes its connection. */
  admit(connection: Connection, listener: Listener): void {
    // A UDP listener limits its sources itself: it evicts the one that has been silent longest.
    const isFull = connection.transport !== "udp" && this.#sessions.streams >= this.#factory.limits.sessions;
    if (this.closed) return this.#refuse(connection, "limit");
    if (this.#resident?.admit() === false) return this.#refuse(connection, "memory");
    // The listener has removed another source for it, whose session may not have come to its end yet.
    const mayEnd = this.#factory.limits.sessions + MOST_LEAVING;
    if (connection.transport === "udp" && this.#sessions.datagramSessions >= mayEnd) {
      return this.#refuse(connection, "limit");
    }
    let open: OpenSession;
    try {
      const choice = this.#factory.choose(connection);
      if (choice !== "undecided" && this.#isLost(choice, connection)) {
        return this.#refuse(connection, "collector_unavailable");
      }
      if (isFull && !this.#sessions.makeRoom(connection.remoteAddress)) return this.#refuse(connection, "limit");
      this.#refusal = undefined;
      open = this.#factory.open(connection, listener, choice);
    } catch (error) {
      connection.close();
      this.#counters.countSession(connection.transport, "failed");
      const fields = { peer: formatAddress(connection.remoteAddress), reason: String(error) };
      const message = "cannot open a session";
      return this.#report({ level: "error", event: "session_failed", message, fields });
    }
    // Anybody can connect over TCP; there the first octet shows an exporter.
    if (connection.transport !== "tcp") this.#verdict.arrive(connection.remoteAddress.hostname);
    this.#sessions.start(open);
  }

  /**
   * Closes an exporter's connection. Reported once, until one is let in again. An exporter that is let in while nothing
   * takes its records would count them as delivered.
   */
  #refuse(connection: Connection, reason: Refusal): void {
    connection.close();
    this.#counters.countSession(connection.transport, "refused");
    if (this.closed) return;
    // Over UDP, where anyone can be the sender, it may be no exporter.
    const isExporter = connection.transport !== "udp";
    if (reason !== "collector_unavailable" && isExporter) {
      this.rejectForLimit(connection.remoteAddress.hostname, reason === "limit" ? "sessions" : "memory");
    }
    if (this.#refusal === reason) return;
    this.#refusal = reason;
    const message = {
      limit: `${this.#factory.limits.sessions} sessions are open; exporters are refused until one ends`,
      memory: "the process is close to limits.memory; exporters are refused until there is room again",
      collector_unavailable:
        "the collector has been away for longer than limits.hold; exporters are refused until it is back",
    }[reason];
    const fields = { peer: formatAddress(connection.remoteAddress), reason };
    this.#report({ level: "warning", event: "session_refused", message, fields });
  }

  /** Notes, for the verdict, that an exporter was kept out by this limit. */
  rejectForLimit(address: string, limit: ExhaustedLimit): void {
    // Only the mediator knows the value of limits.templateMemory.
    const values = {
      sessions: ` (${this.#factory.limits.sessions})`,
      memory: this.#resident === undefined ? "" : ` (${this.#resident.limit / 2 ** 20} MiB)`,
      templateMemory: "",
    };
    this.#verdict.reject({ why: "limit", address, reason: `limits.${limit}${values[limit]}` });
  }

  /** Whether the collector of a new exporter has been away for as long as exporters are held. */
  #isLost({ collector: key, mode }: SessionChoice, connection: Connection): boolean {
    const { condition, awayFor } = this.#collectors.get(key).collector;
    return condition === "away" && connection.transport !== "udp" && awayFor >= this.#factory.hold(connection, mode);
  }
}
