/**
 * A collector in a process of its own, for tests that kill it. The command line holds {@link CollectorProcessOptions}
 * as JSON. It does as it is told on standard input, one JSON object a line: `{"bind": port}` (0: one that is free),
 * `{"halfClose": true}`, `{"pause": true}` (over TCP: reads no more, and says all that it has read). Standard output,
 * one JSON object a line: `{"listening": port}`, and for every run of messages that it read, as soon as it read them,
 * {@link CollectedRun}. It decodes as RFC 7011 and the narrowest dialect want it and never acknowledges anything, as no
 * collector does.
 */
import { type FlowLayout, HOSTILE_DOMAIN, LOSSY_DOMAINS, readNumber, writeNumber } from "./flow_record.ts";

/** What a connection brought of one observation domain in one read. */
export interface CollectedRun {
  /** From 0; over UDP one for each source. */
  readonly connection: number;
  readonly observationDomain: number;
  /** Template records before the first data record. */
  readonly templates: number;
  /** Numbers of the flows, as runs without a hole: first, last, first, last… */
  readonly runs: readonly number[];
  /** How many of the records were of each layout. */
  readonly layouts: readonly number[];
  /** When they were read, in milliseconds since the epoch. */
  readonly time: number;
  /** What no collector should get; with the first thing wrong, a connection is read no further. */
  readonly wrong?: string;
}

/** What a collector is told on the command line: how to speak, and what it expects. */
export interface CollectorProcessOptions {
  readonly transport: "tcp" | "tls" | "udp";
  readonly certificate?: string;
  readonly key?: string;
  readonly ca?: string;
  /** Records that may come; every other is wrong. */
  readonly layouts: readonly FlowLayout[];
}

const HEADER = 16;
const SET_HEADER = 4;
/** No Flow Aggregator takes a longer datagram. */
const LONGEST_DATAGRAM = 1024;

interface Expected extends FlowLayout {
  readonly octets: Uint8Array;
  readonly index: number;
}

interface Domain {
  readonly templates: Map<number, Expected[]>;
  records: number;
  /** Whether numbers include the message's own records, once that is known. */
  inclusive: number | undefined;
}

interface Batch {
  templates: number;
  readonly runs: number[];
  readonly layouts: number[];
}

/** Reads one connection's messages and says what is in them, or what is wrong with them. */
class Connection {
  readonly #domains = new Map<number, Domain>();
  #rest = new Uint8Array(0);
  #wrong = false;

  constructor(
    readonly number: number,
    readonly expected: readonly Expected[],
    readonly datagrams: boolean,
  ) {}

  take(octets: Uint8Array): void {
    if (this.#wrong) return;
    let all = octets;
    if (this.#rest.length > 0) {
      all = new Uint8Array(this.#rest.length + octets.length);
      all.set(this.#rest);
      all.set(octets, this.#rest.length);
    }
    const view = new DataView(all.buffer, all.byteOffset, all.byteLength);
    const batches = new Map<number, Batch>();
    const time = Date.now();
    let start = 0;
    let wrong: string | undefined;
    while (wrong === undefined && all.length - start >= HEADER) {
      const length = view.getUint16(start + 2);
      if (view.getUint16(start) !== 10 || length <= HEADER) {
        wrong = `version ${view.getUint16(start)}, length ${length}`;
      } else if (this.datagrams && (length !== all.length || length > LONGEST_DATAGRAM)) {
        wrong = `a message of ${length} octets in a datagram of ${all.length}`;
      }
      if (wrong !== undefined || all.length - start < length) break;
      wrong = this.#message(all.subarray(start, start + length), batches);
      start += length;
    }
    this.#rest = all.slice(start);
    for (const [observationDomain, batch] of batches) {
      print({ connection: this.number, observationDomain, ...batch, time });
    }
    if (wrong === undefined) return;
    this.#wrong = true;
    print({ connection: this.number, observationDomain: -1, templates: 0, runs: [], layouts: [], time, wrong });
  }

  /** Takes a whole message; gives what is wrong with it. */
  #message(octets: Uint8Array, batches: Map<number, Batch>): string | undefined {
    const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
    const observationDomain = view.getUint32(12);
    if (observationDomain === HOSTILE_DOMAIN) return undefined;
    const domain = this.#domains.get(observationDomain) ??
      { templates: new Map<number, Expected[]>(), records: 0, inclusive: undefined };
    this.#domains.set(observationDomain, domain);
    const batch: Batch = batches.get(observationDomain) ??
      { templates: 0, runs: [], layouts: this.expected.map(() => 0) };
    batches.set(observationDomain, batch);
    const id = view.getUint16(HEADER);
    if (view.getUint16(HEADER + 2) !== octets.length - HEADER) return "more than one set in a message";
    const content = octets.subarray(HEADER + SET_HEADER);
    if (id === 2) {
      const template = content.subarray(2).toHex();
      const expected = this.expected.filter((one) => one.template === template);
      if (expected.length === 0) return `a template that is not expected: ${content.toHex()}`;
      domain.templates.set(view.getUint16(HEADER + SET_HEADER), expected);
      if (batch.runs.length === 0) batch.templates++;
      return undefined;
    }
    const expected = domain.templates.get(id);
    if (expected === undefined) return `data of template ${id} in domain ${observationDomain} before its template`;
    let records = 0;
    for (let start = 0; start < content.length; records++) {
      const flow = readNumber(content, start);
      const found = expected.find((one) => matches(content, start, one, flow));
      if (found === undefined) {
        return `a wrong record of template ${id}, flow ${flow}: ${content.subarray(start).toHex()}`;
      }
      const { runs, layouts } = batch;
      if (runs.at(-1) === flow - 1 && runs.length > 0) runs[runs.length - 1] = flow;
      else runs.push(flow, flow);
      layouts[found.index] = (layouts[found.index] ?? 0) + 1;
      start += found.octets.length;
    }
    const ahead = view.getUint32(8) - domain.records;
    domain.records += records;
    if (this.datagrams || observationDomain >= LOSSY_DOMAINS) return undefined;
    domain.inclusive ??= ahead;
    if (ahead === domain.inclusive && (ahead === 0 || ahead === records)) return undefined;
    return `domain ${observationDomain}: sequence number ${view.getUint32(8)} after ${
      domain.records - records
    } records`;
  }
}

/** Whether this record, octet for octet, is the flow of this number. */
function matches(content: Uint8Array, start: number, { octets, places }: Expected, flow: number): boolean {
  if (content.length - start < octets.length) return false;
  writeNumber(octets, 0, places, flow);
  for (let index = 0; index < octets.length; index++) if (content[start + index] !== octets[index]) return false;
  return true;
}

/** Whether nothing more is read. */
let paused = false;

/** All sockets that are open: half-closed when that is wanted. */
const open = new Set<{ halfClose(): void }>();

if (import.meta.main) await main();

async function main(): Promise<void> {
  const options: CollectorProcessOptions = JSON.parse(Deno.args[0] ?? "");
  const expected = options.layouts.map((one, index) => ({ ...one, octets: Uint8Array.fromHex(one.record), index }));
  for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    for (const line of chunk.split("\n").filter((line) => line !== "")) {
      const { bind, halfClose, pause }: { bind?: number; halfClose?: boolean; pause?: boolean } = JSON.parse(line);
      paused ||= pause === true;
      if (bind !== undefined) await listen(bind, options, expected);
      if (halfClose === true) { for (const one of open) one.halfClose(); }
    }
  }
  // Who started it has ended, and may have been killed before it could end this one.
  Deno.exit();
}

async function listen(port: number, options: CollectorProcessOptions, expected: readonly Expected[]): Promise<void> {
  if (options.transport === "tcp") listenTcp(port, expected);
  else if (options.transport === "tls") await listenTls(port, options, expected);
  else listenUdp(port, expected);
}

function listenTcp(port: number, expected: readonly Expected[]): void {
  const listener = Deno.listen({ hostname: "127.0.0.1", port });
  print({ listening: listener.addr.port });
  let connections = 0;
  void (async () => {
    for await (const socket of listener) {
      const connection = new Connection(connections++, expected, false);
      const one = { halfClose: () => void socket.closeWrite().catch(() => {}) };
      open.add(one);
      void (async () => {
        const view = new Uint8Array(65536);
        try {
          for (let length; (length = await socket.read(view)) !== null;) {
            connection.take(view.subarray(0, length));
            if (paused) await new Promise(() => {});
          }
          socket.close();
        } catch { /* reset */ }
        open.delete(one);
      })();
    }
  })();
}

async function listenTls(
  port: number,
  { certificate, key, ca }: CollectorProcessOptions,
  expected: readonly Expected[],
): Promise<void> {
  // Only where it is needed: this process is started a hundred times.
  const { createServer } = await import("node:tls");
  let connections = 0;
  const options = { requestCert: true, rejectUnauthorized: true, allowHalfOpen: true };
  const pem = {
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
    ...(ca === undefined ? {} : { ca }),
  };
  const server = createServer({ ...pem, ...options }, (socket) => {
    const connection = new Connection(connections++, expected, false);
    const one = { halfClose: () => void socket.end() };
    open.add(one);
    socket.on("data", (octets: Uint8Array) => connection.take(octets));
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    socket.on("close", () => open.delete(one));
  });
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  server.listen(port, "127.0.0.1", () => {
    const address = server.address();
    print({ listening: typeof address === "object" && address !== null ? address.port : port });
  });
}

function listenUdp(port: number, expected: readonly Expected[]): void {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port });
  if (socket.addr.transport === "udp") print({ listening: socket.addr.port });
  const sources = new Map<string, Connection>();
  void (async () => {
    const view = new Uint8Array(65535);
    for (;;) {
      const [datagram, from] = await socket.receive(view);
      const name = from.transport === "udp" ? `${from.hostname} ${from.port}` : "";
      const connection = sources.get(name) ?? new Connection(sources.size, expected, true);
      sources.set(name, connection);
      connection.take(datagram);
    }
  })();
}

function print(line: CollectedRun | { listening: number }): void {
  const octets = new TextEncoder().encode(`${JSON.stringify(line)}\n`);
  for (let written = 0; written < octets.length;) written += Deno.stdout.writeSync(octets.subarray(written));
}
