/**
 * A collector in a process of its own, for tests that kill it. It binds when told to: one JSON object a line on standard input,
 * `{"port": 0}`. Standard output, one JSON object a line: `{"listening": port}`, and for every run of records it read, as soon as it
 * read them, {@link CollectedRun}. It never acknowledges anything, as no collector does.
 */
import { join, receivedMessages } from "../../src/proxy/test_messages.ts";

/** Messages that one connection brought in one read. */
export interface CollectedRun {
  readonly connection: number;
  /** Templates before the first record. */
  readonly templates: number;
  /** Numbers of the records, as runs without a hole: first, last, first, last… */
  readonly runs: readonly number[];
  /** Sequence number of the first message. */
  readonly sequenceNumber: number;
}

/** What a collector is told on the command line: how to speak. */
export interface CollectorProcessOptions {
  readonly transport: "tcp" | "tls";
  readonly certificate?: string;
  readonly key?: string;
  readonly ca?: string;
}

if (import.meta.main) await main();

async function main(): Promise<void> {
  const options: CollectorProcessOptions = JSON.parse(Deno.args[0] ?? "");
  for await (const line of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const { port }: { port: number } = JSON.parse(line);
    if (options.transport === "tcp") listenTcp(port);
    else await listenTls(port, options);
  }
}

function listenTcp(port: number): void {
  const listener = Deno.listen({ hostname: "127.0.0.1", port });
  print({ listening: listener.addr.port });
  let connections = 0;
  void (async () => {
    for await (const socket of listener) {
      const collect = collectInto(connections++);
      void (async () => {
        const view = new Uint8Array(65536);
        try {
          for (let length; (length = await socket.read(view)) !== null;) collect(view.subarray(0, length));
          socket.close();
        } catch { /* reset */ }
      })();
    }
  })();
}

async function listenTls(port: number, { certificate, key, ca }: CollectorProcessOptions): Promise<void> {
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
    socket.on("data", collectInto(connections++));
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
  });
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  server.listen(port, "127.0.0.1", () => {
    const address = server.address();
    print({ listening: typeof address === "object" && address !== null ? address.port : port });
  });
}

/** What prints the messages of one connection as they become whole. */
function collectInto(connection: number): (octets: Uint8Array) => void {
  let rest: Uint8Array = new Uint8Array(0);
  return (octets) => {
    const all = join(rest, octets);
    const { messages, rest: left } = receivedMessages(all);
    rest = all.slice(all.length - left);
    const [first] = messages;
    if (first === undefined) return;
    let templates = 0;
    const runs: number[] = [];
    for (const { record } of messages) {
      if (record === "template") templates += runs.length === 0 ? 1 : 0;
      else if (runs.at(-1) === record - 1) runs[runs.length - 1] = record;
      else runs.push(record, record);
    }
    print({ connection, templates, runs, sequenceNumber: first.sequenceNumber } satisfies CollectedRun);
  };
}

function print(line: unknown): void {
  const octets = new TextEncoder().encode(`${JSON.stringify(line)}\n`);
  for (let written = 0; written < octets.length;) written += Deno.stdout.writeSync(octets.subarray(written));
}
