import assert from "node:assert/strict";
import { datagramFault } from "../../../src/ipfix/message/framing.ts";
import { Mediator } from "../../../src/mediation/session/mediator.ts";
import { CollectorLink } from "../../../src/proxy/collector/collector_link.ts";
import { Collector } from "../../../src/proxy/collector/collector.ts";
import type { CollectorRoute } from "../../../src/proxy/collector/collector_link.ts";
import { HeapBufferPool, LoopBufferPool } from "../../../src/proxy/memory/buffer_pool.ts";
import { MessageMemory } from "../../../src/proxy/memory/message_memory.ts";
import { ProxyCounters } from "../../../src/proxy/reporting/proxy_counters.ts";
import type { SessionLimits } from "../../../src/proxy/session/session_parts.ts";
import { Session } from "../../../src/proxy/session/session.ts";
import { Turns } from "../../../src/proxy/time/turns.ts";
import { UdpSource } from "../../../src/proxy/transport/udp/udp_source.ts";
import { history } from "../../support/messages/antrea.ts";
import { deliver } from "../../support/delivered.ts";
import { wholeMessages } from "../../support/lossy_collector.ts";
import { defaultPlugins } from "../../support/session.ts";
import { collectorOf } from "../input/collectors.ts";
import { FuzzClock } from "./fuzz_clock.ts";
import { MemoryCollector, MemoryExporter } from "./memory_peers.ts";
import type { Meter } from "../meter.ts";
import type { SessionCase, Step } from "./session_case.ts";
import { measured, reachStates } from "../stream_case.ts";

/** A session with its exporter and what its collectors were given. */
interface Open {
  readonly session: Session;
  readonly rewriter: ReturnType<Mediator["open"]>;
  readonly exporter: MemoryExporter | UdpSource;
  readonly connections: { readonly collector: MemoryCollector; readonly observed: boolean }[];
  /** Whether it was ever only observed: then octets are relayed that the rewriter never counts as sent. */
  observed: boolean;
  outcome: string | undefined;
}

const ADDRESS = { hostname: "192.0.2.1", port: 1 };
/** Rounds that sessions get to end in. */
const ROUNDS = 1_000;
/** Octets that one session may hold: an input and an output buffer, and a queue of datagrams. */
const MOST_HELD = 1024 * 1024;

/** A proxy's sessions with exporters and collectors in memory, and a clock that only steps move. */
export class SessionWorld {
  readonly #clock: FuzzClock;
  readonly #pool: HeapBufferPool | LoopBufferPool;
  readonly #turns: Turns;
  readonly #memory: MessageMemory;
  readonly #counters = new ProxyCounters();
  readonly #mediator: Mediator;
  readonly #collector: Collector;
  readonly #limits: SessionLimits;
  readonly #all: Open[] = [];
  readonly #slots: (Open | undefined)[];
  readonly #sources: (UdpSource | undefined)[];
  readonly #held = { octets: 0, limit: 4 * 1024 * 1024 };
  readonly #queued = { octets: 0, limit: 64 * 1024 * 1024 };
  #stalled = false;
  #refusals = 0;
  #observe = false;
  #failure: string | undefined;

  constructor(readonly one: SessionCase, readonly meter: Meter) {
    const clock = this.#clock = new FuzzClock(one.clockStep);
    this.#pool = one.inLoopMemory ? new LoopBufferPool({ generous: 1 << 25, retained: 0 }) : new HeapBufferPool();
    this.#turns = new Turns(clock);
    this.#memory = new MessageMemory(one.messageMemory);
    this.#mediator = new Mediator({ chooseTreatment: treatmentOf(one.collector), registryHistory: history });
    const [slots, sources]: [(Open | undefined)[], (UdpSource | undefined)[]] = [[], []];
    one.exporters.forEach(() => {
      slots.push(undefined);
      sources.push(undefined);
    });
    this.#slots = slots;
    this.#sources = sources;
    this.#collector = new Collector({ transport: "tcp", address: { hostname: "127.0.0.1", port: 4739 } }, {
      clock,
      report: () => {},
      random: () => 0.5,
      dialTimeout: () => 5_000,
      watch: undefined,
      onEpoch: () => {},
    });
    this.#limits = {
      partialMessage: 30_000,
      idle: 0,
      collectorClose: 1_000,
      templateRefresh: 30_000,
      udpIdle: 300_000,
      templateChanges: one.templateChanges,
    };
    clock.every(1_000, () => {
      for (const open of this.#all) if (open.outcome === undefined) open.session.tick(1_000, 1_000);
      for (const source of this.#sources) source?.expire(clock.now());
      this.#openSources();
      this.#memory.look();
    });
  }

  /** Does one step, lets its consequences happen, and looks at what must hold at any moment. */
  async step(step: Step): Promise<void> {
    this.#do(step);
    await this.#clock.jump(5);
    this.#assertNow();
  }

  /** Ends everything, and looks at what must hold in the end. */
  async end(): Promise<void> {
    this.#refusals = 0;
    this.#stall(false);
    for (const open of this.#all) {
      if (open.exporter instanceof MemoryExporter) open.exporter.end();
    }
    for (let round = 0; round < ROUNDS && this.#all.some(({ outcome }) => outcome === undefined); round++) {
      await this.#clock.jump(50);
      this.#assertNow();
      // What UDP exporters sent has been read by then; they never end by themselves.
      if (round === ROUNDS / 10) {
        for (const open of this.#all) {
          if (open.exporter instanceof UdpSource && open.outcome === undefined) open.session.stop("drained");
        }
      }
    }
    for (const source of this.#sources) source?.close();
    this.#collector.close();
    for (const open of this.#all) this.#assertEnded(open);
    assert.equal(this.#pool.leased, 0, "all buffers are given back");
    assert.equal(this.#memory.used, 0, "no session is left that holds messages");
    assert.deepEqual([this.#held.octets, this.#queued.octets], [0, 0], "datagrams that wait are accounted for");
  }

  #do(step: Step): void {
    switch (step.do) {
      case "send":
        return this.#send(step.exporter, step.chunk, step.messages);
      case "restart":
        return this.#restart(step.exporter, step.inOrder);
      case "jump":
        return void this.#clock.jump(step.milliseconds);
      case "lose":
        for (const { connections } of this.#all) {
          const collector = connections.at(-1)?.collector;
          if (collector === undefined) continue;
          collector.room = step.room;
          if (step.room === 0) collector.lose();
        }
        return;
      case "stall":
        return this.#stall(step.stalled);
      case "refuse":
        this.#refusals = step.attempts;
        return;
      case "reload":
        return this.#reload(step.collector, step.observe);
      case "epoch": {
        this.#mediator.beginEpoch();
        const began = this.#clock.now();
        for (const open of this.#open()) open.session.beginEpoch(this.#route(open), began);
        return;
      }
      case "stop":
        return this.#slots[step.exporter]?.session.stop("administrator");
      case "drain":
        return this.#slots[step.exporter]?.session.drain(5_000);
    }
  }

  *#open(): Iterable<Open> {
    for (const open of this.#all) if (open.outcome === undefined) yield open;
  }

  #send(slot: number, chunk: number, messages: readonly Uint8Array[]): void {
    if (this.one.exporters[slot] === "udp") return this.#sendDatagrams(slot, messages);
    let open = this.#slots[slot];
    if (open === undefined || open.outcome !== undefined) {
      open = this.#slots[slot] = this.#begin(new MemoryExporter({ ...ADDRESS, port: slot }));
    }
    const { exporter } = open;
    if (!(exporter instanceof MemoryExporter)) return;
    for (const message of messages) {
      for (let start = 0; start < message.length; start += chunk) exporter.send(message.slice(start, start + chunk));
    }
  }

  #sendDatagrams(slot: number, messages: readonly Uint8Array[]): void {
    for (const message of messages) {
      const fault = datagramFault(message);
      if (fault !== undefined) {
        this.meter.reach(`datagram ${fault}`);
        continue;
      }
      const source = this.#sources[slot] ??= this.#newSource(slot);
      this.meter.turn(() => source.receive(message, this.#clock.now()));
      this.#openSources();
    }
  }

  #newSource(slot: number): UdpSource {
    return new UdpSource({ ...ADDRESS, port: slot }, {
      pool: this.#pool,
      held: this.#held,
      queued: this.#queued,
      onDrop: (reason) => this.meter.reach(`datagram dropped ${reason}`),
      listener: "127.0.0.1:24739",
      time: () => this.#clock.date().getTime(),
      onClose: (source) => {
        if (this.#sources[slot] === source) this.#sources[slot] = undefined;
      },
    });
  }

  /** Sources that have sent a template have a session. */
  #openSources(): void {
    this.#sources.forEach((source, slot) => {
      if (source?.opened !== true || this.#slots[slot]?.exporter === source) return;
      this.#slots[slot] = this.#begin(source);
    });
  }

  #restart(slot: number, inOrder: boolean): void {
    const open = this.#slots[slot];
    // A UDP exporter that is started again is the same source to anybody who listens.
    if (open === undefined || !(open.exporter instanceof MemoryExporter)) return;
    if (inOrder) open.exporter.end();
    else open.exporter.reset();
    this.#slots[slot] = undefined;
  }

  #stall(stalled: boolean): void {
    this.#stalled = stalled;
    for (const { connections } of this.#all) for (const { collector } of connections) collector.stall(stalled);
  }

  #reload(collector: string, observe: boolean): void {
    this.#mediator.reconfigure({ chooseTreatment: treatmentOf(collector) });
    const changed = observe !== this.#observe;
    this.#observe = observe;
    for (const open of this.#open()) {
      const { session } = open;
      open.observed ||= observe;
      const renew = changed || (!observe && session.outdated);
      if (renew) {
        session.move({ observe, renew: renew || session.outdated, collector: {}, route: this.#route(open) });
      } else session.remap();
    }
  }

  #begin(exporter: MemoryExporter | UdpSource): Open {
    const counters = this.#counters;
    const clock = this.#clock;
    const rewriter = this.#mediator.open({ address: ADDRESS.hostname, reliable: exporter.transport !== "udp" });
    const connections: Open["connections"] = [];
    const report = (level: string, event: string, message: string, fields?: unknown) => {
      this.meter.reach(`event ${event}`);
      if (level === "error") this.#failure ??= `${event}: ${message} ${JSON.stringify(fields)}`;
    };
    const link = new CollectorLink({ clock, counters, random: () => 0.5, dialTimeout: 5_000 }, {
      route: this.#route({ connections }),
      hold: this.#observe ? 0 : exporter.transport === "udp" ? Infinity : this.one.hold,
      report,
      counters: rewriter.counters,
    });
    const session = new Session({
      id: String(this.#all.length + 1),
      exporter,
      link,
      rewriter: measured(rewriter, this.meter),
      observe: this.#observe,
      pool: this.#pool,
      memory: this.#memory,
      clock,
      turns: this.#turns,
      limits: this.#limits,
      collectorFacts: () => ({}),
      counters,
      openedAt: clock.date(),
      report,
    });
    const open: Open = { session, rewriter, exporter, connections, observed: this.#observe, outcome: undefined };
    this.#all.push(open);
    void session.run().then((outcome) => {
      open.outcome = outcome;
      this.meter.reach(`outcome ${outcome}`);
    });
    return open;
  }

  /** Each session has its own way to the collector, so that what it was given is known. */
  #route({ connections }: Pick<Open, "connections">): CollectorRoute {
    return {
      collector: this.#collector,
      dial: () => {
        if (this.#refusals > 0) {
          this.#refusals--;
          return Promise.reject(new Error("connection refused"));
        }
        const collector = new MemoryCollector(this.one.piece);
        collector.stall(this.#stalled);
        connections.push({ collector, observed: this.#observe });
        return Promise.resolve(collector);
      },
    };
  }

  #assertNow(): void {
    assert.equal(this.#failure, undefined);
    for (const { session, rewriter } of this.#open()) {
      const { recordsReceived, recordsSent, recordsDropped } = rewriter.counters;
      const dropped = recordsDropped.values().reduce((sum, count) => sum + count, 0);
      const held = rewriter.heldRecords + rewriter.recordsInHand;
      assert.equal(
        recordsSent + dropped + held,
        recordsReceived,
        `${recordsSent} sent, ${dropped} dropped, ${held} held`,
      );
      assert.ok(session.heldOctets <= MOST_HELD, `a session holds ${session.heldOctets} octets`);
      assert.ok(rewriter.templates().length <= 256, "a session has no more templates than it may have");
    }
  }

  #assertEnded({ session, rewriter, connections, observed, outcome }: Open): void {
    reachStates(rewriter, this.meter);
    assert.ok(outcome !== undefined, `session ${session.id} ended`);
    assert.notEqual(outcome, "failed", `session ${session.id}`);
    const { counters } = rewriter;
    const dropped = counters.recordsDropped.values().reduce((sum, count) => sum + count, 0);
    assert.equal(counters.recordsSent + dropped, counters.recordsReceived, "in the end all is sent or dropped");
    // What is relayed untouched may be anything.
    if (observed) return;
    let records = 0;
    for (const { collector: { received } } of connections) {
      const whole = deliver(received.slice(0, wholeMessages(received, received.length)));
      records += whole.items.filter(({ kind }) => kind === "record").length;
    }
    assert.equal(counters.recordsSent, records, "records sent are those that the collectors got");
  }
}

function treatmentOf(collector: string) {
  const profile = collectorOf(collector);
  const plugins = defaultPlugins(profile);
  return () => ({ profile, plugins });
}
