/** An Agent that connects again whenever its session has ended, as Agents do. */
import {
  connectExporter,
  connectToReset,
  DatagramExporter,
  Exporter,
  type ExporterSocket,
  overResettable,
} from "../peers/exporter.ts";
import type { ExporterIdentity } from "../peers/exporter.ts";
import { LOSSY_DOMAINS } from "../peers/flow_record.ts";
import type { Transport } from "../proxy.ts";

/** Flows every 20 ms. */
const PER_BURST = 20;
/** Observation domains that one Agent uses, one a session. */
const SESSIONS = 100_000;

/** One session of an Agent. */
export interface AgentSession {
  readonly transport: Transport;
  readonly peer: string;
  readonly observationDomain: number;
  /** Flows that the kernel took. */
  sent(): number;
  /** Undefined: it stands. */
  ending: "closed" | "cut" | "by the proxy" | undefined;
}

/** What the fleet does to an Agent. */
export interface Agent {
  readonly sessions: readonly AgentSession[];
  /** Ends in order, and comes back; resolves once the proxy has ended its side, too. */
  reconnect(): Promise<void>;
  /** Breaks its connection off wherever it stands, and comes back. */
  cut(): void;
  /** Sends a message an octet at a time. */
  dawdle(): void;
  /** Ends in order, for good. */
  stop(): Promise<void>;
}

/** An Agent over TCP, or TLS where there is an identity. */
export class StreamAgent implements Agent {
  readonly sessions: AgentSession[] = [];
  #exporter: Exporter | undefined;
  #session: AgentSession | undefined;
  #reset = () => {};
  #stopped = false;

  constructor(
    readonly number: number,
    readonly release: string,
    readonly port: number,
    readonly identity: () => ExporterIdentity | undefined,
  ) {}

  async connect(): Promise<void> {
    if (this.#stopped) return;
    const identity = this.identity();
    let socket: ExporterSocket;
    if (identity === undefined) {
      const resettable = overResettable(await connectToReset(this.port));
      socket = resettable;
      this.#reset = () => resettable.reset();
    } else {
      socket = await connectExporter(this.port, identity);
      this.#reset = () => socket.close();
    }
    const observationDomain = (this.number + 1) * SESSIONS + this.sessions.length;
    const exporter = new Exporter(socket, this.release, observationDomain, PER_BURST);
    const session: AgentSession = {
      transport: identity === undefined ? "tcp" : "tls",
      peer: socket.name,
      observationDomain,
      sent: () => exporter.next,
      ending: undefined,
    };
    this.sessions.push(session);
    this.#session = session;
    this.#exporter = exporter;
    // The proxy has no reason to end a session first: where it does, the Agent comes back, and the report says so.
    socket.ended().catch(() => {}).then(() => {
      if (session.ending !== undefined) return;
      session.ending = "by the proxy";
      socket.close();
      void this.connect().catch(() => {});
    });
  }

  async reconnect(): Promise<void> {
    await this.#end();
    await this.connect();
  }

  cut(): void {
    const session = this.#session;
    if (session?.ending !== undefined || session === undefined) return;
    session.ending = "cut";
    this.#reset();
    void this.connect();
  }

  dawdle(): void {
    this.#exporter?.dawdle();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#end();
  }

  async #end(): Promise<void> {
    const [exporter, session] = [this.#exporter, this.#session];
    if (exporter === undefined || session === undefined || session.ending !== undefined) return;
    session.ending = "closed";
    await exporter.stop();
    await exporter.socket.ended().catch(() => {});
    exporter.socket.close();
  }
}

/** An Agent over UDP: one source port a session, templates again every second. */
export class DatagramAgent implements Agent {
  readonly sessions: AgentSession[] = [];
  #stopSending: () => Promise<void> = () => Promise.resolve();
  #stopped = false;

  constructor(readonly number: number, readonly release: string, readonly port: number) {}

  connect(): void {
    if (this.#stopped) return;
    const socket = new DatagramExporter(this.port);
    const ended = Promise.resolve();
    const observationDomain = LOSSY_DOMAINS + (this.number + 1) * SESSIONS + this.sessions.length;
    let announcedAt = -Infinity;
    let stop = false;
    const exporter = new Exporter(
      {
        name: `127.0.0.1:${socket.port}`,
        async write(octets) {
          const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
          for (let start = 0; start < octets.length && !stop; start += view.getUint16(start + 2)) {
            await socket.send(octets.subarray(start, start + view.getUint16(start + 2)));
          }
          if (performance.now() - announcedAt < 1_000 || stop) return;
          announcedAt = performance.now();
          const { templates } = exporter.messages;
          for (let start = 0; start < templates.length;) {
            const length = new DataView(templates.buffer).getUint16(start + 2);
            await socket.send(templates.subarray(start, start + length));
            start += length;
          }
        },
        closeWrite: () => Promise.resolve(),
        ended: () => ended,
        close: () => socket.close(),
      },
      this.release,
      observationDomain,
      PER_BURST,
    );
    const session: AgentSession = {
      transport: "udp",
      peer: exporter.socket.name,
      observationDomain,
      sent: () => exporter.next,
      ending: undefined,
    };
    this.sessions.push(session);
    this.#stopSending = async () => {
      session.ending = "closed";
      await exporter.stop();
      stop = true;
      socket.close();
    };
  }

  async reconnect(): Promise<void> {
    await this.#stopSending();
    this.connect();
  }

  cut(): void {
    void this.reconnect();
  }

  dawdle(): void {}

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#stopSending();
  }
}
