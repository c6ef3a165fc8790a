/** What the tests of this room share: a rewriter that relays, messages to relay, peers, and a clock that only tests move. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { DecodeError } from "../../src/ipfix/octets/decode_error.ts";
import { decodeMessageHeader, writeMessageHeader } from "../../src/ipfix/message/message_header.ts";
import { Counters } from "../../src/mediation/templates/counters.ts";
import type {
  CollectorFacts,
  SessionFacts,
  SessionRewriter,
  TemplateState,
} from "../../src/mediation/session/session_rewriter.ts";
import type { Clock } from "../../src/proxy/time/clock.ts";
import { messageLength } from "../../src/proxy/transport/message_walk.ts";
import { join, type Received, receivedMessages, TEMPLATE } from "./proxy_messages.ts";
import { Collector } from "../../src/proxy/collector/collector.ts";
import type { SessionLimits } from "../../src/proxy/session/session_parts.ts";
import { Proxy } from "../../src/proxy/proxy.ts";
import { certificateName } from "../../src/proxy/transport/tls/tls_connection.ts";
import type { ProxyEvent } from "../../src/proxy/reporting/proxy_event.ts";
import type { ProxyOptions } from "../../src/proxy/proxy_options.ts";

/** Relays whole messages as they are, and keeps to the contract where a new transport session begins. */
export class RelayingRewriter implements SessionRewriter {
  readonly waiting: Promise<void> | undefined = undefined;
  consumed = 0;
  produced = 0;
  producedRecords = 0;
  readonly unfinished: boolean = false;
  readonly templateChanges: number = 0;
  readonly counters = new Counters();
  skewed = false;
  closed = false;
  announced = 0;
  remapped = 0;
  outdated = false;
  renewedFor: CollectorFacts | undefined;
  #sent = 0;
  #template: Uint8Array | undefined;
  #waiting: Uint8Array[] = [];

  constructor(readonly facts: SessionFacts) {}

  rewrite(input: Uint8Array, output: Uint8Array): Uint8Array {
    this.consumed = this.produced = this.producedRecords = 0;
    this.#relay(input, output);
    return output.subarray(0, this.produced);
  }

  #relay(input: Uint8Array, output: Uint8Array): void {
    for (; this.#waiting[0] !== undefined; this.#waiting.shift()) {
      if (!this.#put(this.#waiting[0], output)) return;
    }
    while (input.length - this.consumed >= 16) {
      const length = this.#wholeLength(input);
      const message = input.subarray(this.consumed, this.consumed + length);
      if (message.length < length || !this.#put(message, output)) return;
      this.consumed += length;
      this.counters.messagesReceived++;
      if (messageLength(message, 16) === 12) this.#template = message.slice();
    }
  }

  get templatesKnown(): boolean {
    return this.#template !== undefined;
  }

  get recordsInHand(): number {
    return this.producedRecords;
  }

  get heldRecords(): number {
    return this.#waiting.filter((message) => messageLength(message, 16) !== 12).length;
  }

  get heldOctets(): number {
    return this.#waiting.reduce((sum, { length }) => sum + length, 0);
  }

  takeAbandoned(): number {
    return 0;
  }

  interrupt(unsent: Uint8Array): void {
    const messages: Uint8Array[] = [];
    for (let start = 0; start < unsent.length; start += messageLength(unsent, start)) {
      messages.push(unsent.slice(start, start + messageLength(unsent, start)));
    }
    this.#waiting = [...messages, ...this.#waiting];
    this.produced = this.producedRecords = 0;
  }

  restart(unsent: Uint8Array = new Uint8Array(0)): void {
    this.interrupt(unsent);
    this.#sent = 0;
    if (this.#template !== undefined) this.#waiting.unshift(this.#template);
  }

  discard(unsent: Uint8Array = new Uint8Array(0)): number {
    const dropped = unsent.length === 0 ? this.producedRecords : 0;
    this.interrupt(unsent);
    const { heldRecords } = this;
    this.#waiting = [];
    return dropped + heldRecords;
  }

  announce(): void {
    this.announced++;
  }

  remap(): boolean {
    this.remapped++;
    return true;
  }

  renew(unsent: Uint8Array = new Uint8Array(0), collector: CollectorFacts = {}): number {
    this.outdated = false;
    this.renewedFor = collector;
    this.interrupt(unsent);
    const dropped = this.discard();
    this.restart();
    return dropped;
  }

  sourceTemplates(): Uint8Array[] {
    return this.#template === undefined ? [] : [this.#template];
  }

  prepare(): undefined {}

  templates(): TemplateState[] {
    if (this.#template === undefined) return [];
    return [{ observationDomain: 1, template: TEMPLATE, targetTemplate: TEMPLATE, outcome: "identity", records: 0 }];
  }

  close(): void {
    this.closed = true;
  }

  /** @throws DecodeError as a real one, once all before it has been given out */
  #wholeLength(input: Uint8Array): number {
    try {
      return decodeMessageHeader(input, this.consumed).length;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      if (this.consumed > 0) return Infinity;
      this.counters.messagesRejected.set(error.reason, 1);
      throw error;
    }
  }

  #put(message: Uint8Array, output: Uint8Array): boolean {
    if (this.produced + message.length > output.length) return false;
    output.set(message, this.produced);
    writeMessageHeader(output, this.produced, { ...decodeMessageHeader(message), sequenceNumber: this.#sent });
    this.produced += message.length;
    if (messageLength(message, 16) === 12) return true;
    this.#sent++;
    this.producedRecords++;
    return true;
  }
}

/** A clock that stands still until a test moves it. */
export class StandingClock implements Clock {
  #now = 0;
  #timers = new Set<{ due: number; every: number; callback: () => void }>();

  now(): number {
    return this.#now;
  }

  date(): Date {
    return new Date(this.#now);
  }

  after(milliseconds: number, callback: () => void): () => void {
    return this.#add({ due: this.#now + milliseconds, every: 0, callback });
  }

  every(milliseconds: number, callback: () => void): () => void {
    return this.#add({ due: this.#now + milliseconds, every: milliseconds, callback });
  }

  /** Moves on, step by step, and lets what waits run in between. */
  async advance(milliseconds: number, step = 1000): Promise<void> {
    for (const end = this.#now + milliseconds; this.#now < end;) {
      this.#now = Math.min(end, this.#now + step);
      for (const timer of [...this.#timers]) {
        while (timer.due <= this.#now && this.#timers.has(timer)) {
          if (timer.every > 0) timer.due += timer.every;
          else this.#timers.delete(timer);
          timer.callback();
        }
      }
      await turn();
    }
  }

  #add(timer: { due: number; every: number; callback: () => void }): () => void {
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
}

/** Lets the event loop turn once: input and output that is ready happens. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Waits until the condition holds; fails, saying what was awaited, when it does not within ten seconds. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !condition();) {
    assert.ok(Date.now() < end, `waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** One transport session that a collector got. */
class CollectedConnection {
  readonly chunks: Uint8Array[] = [];
  length = 0;
  ended = false;

  constructor(readonly socket: Deno.TcpConn) {}

  get octets(): Uint8Array {
    const octets = join(...this.chunks);
    this.chunks.splice(0, Infinity, octets);
    return octets;
  }
}

/** A collector that keeps all it receives, one connection at a time or many. */
export class TestCollector {
  readonly connections: CollectedConnection[] = [];
  readonly port: number;
  /** False: what comes stays in the kernel. */
  reading = true;
  #listener: Deno.TcpListener;

  constructor(port = 0) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port });
    this.port = this.#listener.addr.port;
    void this.#accept();
  }

  /** The messages of one connection. */
  messages(connection = 0): Received[] {
    return receivedMessages(this.connections[connection]?.octets ?? new Uint8Array(0)).messages;
  }

  /** The numbers of the records over all connections. */
  records(): number[] {
    return this.connections.flatMap((_, index) => this.messages(index))
      .flatMap(({ record }) => record === "template" ? [] : [record]);
  }

  /** Ends all connections and accepts no more. */
  close(): void {
    this.#listener.close();
    for (const { socket } of this.connections) closeQuietly(socket);
  }

  async #accept(): Promise<void> {
    try {
      for await (const socket of this.#listener) void this.#read(socket);
    } catch { /* closed */ }
  }

  async #read(socket: Deno.TcpConn): Promise<void> {
    const connection = new CollectedConnection(socket);
    this.connections.push(connection);
    const view = new Uint8Array(65536);
    try {
      for (;;) {
        if (!this.reading) {
          await new Promise((resolve) => setTimeout(resolve, 2));
          continue;
        }
        const length = await socket.read(view);
        if (length === null) break;
        connection.chunks.push(view.slice(0, length));
        connection.length += length;
      }
    } catch { /* closed here, or reset */ }
    connection.ended = true;
    closeQuietly(socket);
  }
}

export function closeQuietly(socket: { close(): void }): void {
  try {
    socket.close();
  } catch { /* closed before */ }
}

/** Sends all, however many writes that takes. */
export async function send(socket: Deno.Conn, octets: Uint8Array): Promise<void> {
  for (let sent = 0; sent < octets.length;) sent += await socket.write(octets.subarray(sent));
}

/** The limits of a session to test with, none of which ends it before its exporter does. */
export const SESSION_LIMITS: SessionLimits = {
  partialMessage: 0,
  idle: 0,
  collectorClose: 1_000,
  templateRefresh: 30_000,
  udpIdle: 300_000,
  templateChanges: 1_000_000,
};

/** A collector without a watch connection, for links that are tested alone. */
export function unwatchedCollector(clock: Clock, report: (event: ProxyEvent) => void = () => {}): Collector {
  return new Collector({ transport: "tcp", address: { hostname: "127.0.0.1", port: 4739 } }, {
    clock,
    report,
    random: () => 1,
    dialTimeout: () => 5_000,
    watch: undefined,
    onEpoch: () => {},
  });
}

/** A proxy in front of a collector, with all that it reports. Without a watch connection, unless a test asks for it. */
export class TestProxy {
  readonly events: ProxyEvent[] = [];
  readonly rewriters: RelayingRewriter[] = [];
  readonly proxy: Proxy;

  constructor(collectorPort: number, options: Partial<ProxyOptions> = {}) {
    this.proxy = new Proxy({
      listeners: [{ transport: "tcp", address: { hostname: "127.0.0.1", port: 0 } }],
      collector: { transport: "tcp", address: { hostname: "127.0.0.1", port: collectorPort } },
      mediator: {
        open: (facts) => {
          const rewriter = new RelayingRewriter(facts);
          this.rewriters.push(rewriter);
          return rewriter;
        },
      },
      report: (event) => this.events.push(event),
      watch: false,
      ...options,
    });
  }

  get port(): number {
    const address = this.proxy.addresses()[0]?.address;
    assert.ok(address !== undefined);
    return address.port;
  }

  /** Sessions that have not ended, whether their exporters have sent anything or not. */
  get open(): number {
    return [...this.proxy.sessions()].length;
  }

  /** A new exporter. */
  connect(): Promise<Deno.TcpConn> {
    return Deno.connect({ hostname: "127.0.0.1", port: this.port });
  }

  happened(event: string): ProxyEvent[] {
    return this.events.filter((one) => one.event === event);
  }

  outcome(): unknown {
    return this.happened("session_closed")[0]?.fields["outcome"];
  }
}

/** A collector that speaks mutual TLS. */
export class TestTlsCollector {
  /** Names in the certificates of those who connected. */
  readonly names: (string | undefined)[] = [];
  received = 0;
  readonly #chunks: Uint8Array[] = [];
  readonly #sockets = new Set<Socket>();

  private constructor(readonly port: number, readonly server: Server) {}

  static async listen(
    { certificate, key, ca }: { certificate: string; key: string; ca: string },
  ): Promise<TestTlsCollector> {
    const halfOpen = { allowHalfOpen: true };
    const server = createServer({
      cert: certificate,
      key,
      ca,
      requestCert: true,
      rejectUnauthorized: true,
      ...halfOpen,
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const collector = new TestTlsCollector(typeof address === "object" && address !== null ? address.port : 0, server);
    server.on("connection", (socket: Socket) => collector.#sockets.add(socket));
    server.on("secureConnection", (socket: TLSSocket) => collector.#read(socket));
    server.on("tlsClientError", (_error: Error, socket: TLSSocket) => socket.destroy());
    return collector;
  }

  records(): number[] {
    const { messages } = receivedMessages(join(...this.#chunks));
    return messages.flatMap(({ record }) => record === "template" ? [] : [record]);
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  #read(socket: TLSSocket): void {
    this.names.push(certificateName(socket));
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    socket.on("data", (chunk: Uint8Array) => {
      this.received += chunk.length;
      this.#chunks.push(chunk);
    });
  }
}

/** A collector over UDP that keeps every datagram. */
export class TestUdpCollector {
  readonly datagrams: Uint8Array[] = [];
  /** Where each came from. */
  readonly ports: number[] = [];
  readonly port: number;
  readonly #socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });

  constructor() {
    const { addr } = this.#socket;
    this.port = addr.transport === "udp" ? addr.port : 0;
    void this.#receive();
  }

  close(): void {
    this.#socket.close();
  }

  async #receive(): Promise<void> {
    try {
      for (;;) {
        const [datagram, from] = await this.#socket.receive(new Uint8Array(65535));
        this.datagrams.push(datagram);
        if (from.transport === "udp") this.ports.push(from.port);
      }
    } catch { /* closed */ }
  }
}
