/** One session whose exporter and collectors do what a test says, on a clock that stands. */
import { Counters } from "../../../src/mediation/templates/counters.ts";
import { HeapBufferPool } from "../../../src/proxy/memory/buffer_pool.ts";
import { MessageMemory } from "../../../src/proxy/memory/message_memory.ts";
import { CollectorLink } from "../../../src/proxy/collector/collector_link.ts";
import type { Connection } from "../../../src/proxy/transport/connection.ts";
import { connectionPair } from "../../../src/proxy/transport/tls/memory_connection.ts";
import { ProxyCounters } from "../../../src/proxy/reporting/proxy_counters.ts";
import { Session } from "../../../src/proxy/session/session.ts";
import { Turns } from "../../../src/proxy/time/turns.ts";
import type { SessionParts } from "../../../src/proxy/session/session_parts.ts";
import { join, type Received, receivedMessages } from "./proxy_messages.ts";
import { RelayingRewriter } from "./relaying_rewriter.ts";
import { SESSION_LIMITS, unwatchedCollector } from "./test_proxy.ts";
import { StandingClock } from "../time/standing_clock.ts";

/**
 * A collector whose kernel takes `room` octets, at most `piece` at a time, and then is gone. It gets all that was
 * taken.
 */
export class ScriptedCollector implements Connection {
  readonly transport = "tcp";
  readonly remoteAddress = { hostname: "collector", port: 4739 };
  readonly #chunks: Uint8Array[] = [];
  #fail: (error: Error) => void = () => {};

  constructor(public room: number, readonly piece: number) {}

  get received(): { messages: Received[]; rest: number } {
    return receivedMessages(join(...this.#chunks));
  }

  read(): Promise<number | null> {
    return new Promise((_resolve, reject) => this.#fail = reject);
  }

  write(octets: Uint8Array): Promise<number> {
    const taken = Math.min(octets.length, this.piece, this.room);
    if (taken === 0) {
      this.#fail(new Error("reset"));
      return Promise.reject(new Error("reset"));
    }
    this.#chunks.push(octets.slice(0, taken));
    this.room -= taken;
    return Promise.resolve(taken);
  }

  closeWrite(): Promise<void> {
    this.#fail(new Error("closed"));
    return Promise.resolve();
  }

  close(): void {
    this.#fail(new Error("closed"));
  }
}

/** An exporter that sends these octets, then breaks its connection or, with `inOrder`, ends it. */
export class ScriptedExporter implements Connection {
  readonly remoteAddress = { hostname: "exporter", port: 50_000 };
  readonly #closed = Promise.withResolvers<void>();
  answered = false;

  constructor(public octets: Uint8Array, readonly inOrder: boolean, readonly transport: "tls" | "udp" = "tls") {}

  read(view: Uint8Array): Promise<number | null> {
    const { length } = this.octets;
    if (length === 0) return this.inOrder ? Promise.resolve(null) : Promise.reject(new Error("reset"));
    view.set(this.octets);
    this.octets = new Uint8Array(0);
    return Promise.resolve(length);
  }

  write(): Promise<number> {
    return Promise.reject(new Error("nothing is sent to an exporter"));
  }

  /** It takes no octets any more. */
  closeWrite(): Promise<void> {
    this.answered = true;
    return this.#closed.promise;
  }

  close(): void {
    this.#closed.resolve();
  }
}

/** A session of which one collector after the other is dialled, and what it is made of. */
export function openSession(
  collectors: readonly Connection[],
  parts:
    & Pick<SessionParts, "tap">
    & Partial<Pick<SessionParts, "exporter" | "observe" | "turns" | "rewriter" | "resident">> = {},
) {
  const clock = new StandingClock();
  const pool = new HeapBufferPool();
  const counters = new ProxyCounters();
  const remaining = [...collectors];
  const events: string[] = [];
  const report = (_level: string, event: string) => void events.push(event);
  const dial = () => {
    const next = remaining.shift();
    return next === undefined ? Promise.reject(new Error("no more")) : Promise.resolve(next);
  };
  const collector = unwatchedCollector(clock);
  const link = new CollectorLink(
    { clock, counters, random: () => 1, dialTimeout: 1_000 },
    { route: { collector, dial }, hold: 60_000, report, counters: new Counters() },
  );
  const [exporter, accepted] = connectionPair();
  const session = new Session({
    memory: new MessageMemory(2 ** 20),
    id: "1",
    exporter: accepted,
    link,
    rewriter: new RelayingRewriter({ reliable: true }),
    observe: false,
    pool,
    clock,
    turns: new Turns(clock),
    limits: SESSION_LIMITS,
    collectorFacts: () => ({}),
    counters,
    openedAt: new Date(0),
    report,
    ...parts,
  });
  /** The way to the next of the collectors, as another process of the same collector has it. */
  const route = () => ({ collector, dial: () => dial() });
  return { session, exporter, clock, pool, events, route };
}
