/** gRPC on both sides of a proxy in this process. Peers of another implementation are in test/interop/grpc. */
import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { Client, type ClientWritableStream, credentials, status } from "@grpc/grpc-js";
import { antreaFlowReleases } from "../../../config/profiles/antrea_flow_releases.ts";
import { Authority, type Issued, type Request } from "../../../../test/support/certificates.ts";
import { PATIENCE, until } from "../../../../test/support/time/until.ts";
import { SYSTEM_CLOCK } from "../../time/clock.ts";
import { TurnQueue } from "./turn_queue.ts";
import { Turns } from "../../time/turns.ts";
import type { Connection } from "../connection.ts";
import type { TlsCredentials } from "../tls/tls_credentials.ts";
import { checkTlsMaterial } from "../../../certificates/tls_material.ts";
import { EXPORT } from "./flow/export_service.ts";
import { ExportRequestSchema } from "./flow/flow_export_pb.ts";
import { dialGrpc } from "./client/grpc_dial.ts";
import { GrpcListener } from "./server/grpc_listener.ts";

const RELEASES = antreaFlowReleases();
const TURNS = new Turns(SYSTEM_CLOCK);
const QUEUE = new TurnQueue(TURNS, SYSTEM_CLOCK);
const authority = await Authority.create("grpc test");

function trusting({ certificate, key }: Issued, ca = authority.pem): TlsCredentials {
  return { material: checkTlsMaterial({ certificate, key, ca }), onChange: () => () => {} };
}

async function issue(request: Request): Promise<TlsCredentials> {
  return trusting(await authority.issue(request));
}

const server = await issue({ name: "server", dns: ["collector.test"], addresses: ["127.0.0.1"], usage: ["server"] });
const client = await issue({ name: "client", usage: ["client"] });

/** A listener, and the streams that it has handed over. */
class Listening {
  readonly streams: Connection[] = [];
  #changed = Promise.withResolvers<void>();

  private constructor(readonly listener: GrpcListener, readonly failures: readonly string[]) {
    void listener.accept((stream) => {
      this.streams.push(stream);
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    });
  }

  static async start(clock = SYSTEM_CLOCK): Promise<Listening> {
    const failures: string[] = [];
    const listener = await GrpcListener.listen({ hostname: "127.0.0.1", port: 0 }, { credentials: server }, {
      clock,
      turns: TURNS,
      handshake: () => PATIENCE,
      releases: RELEASES,
      onFailure: ({ words }) => failures.push(words),
      onOverrun: (reason) => failures.push(reason),
      onError: (error) => failures.push(String(error)),
    });
    return new Listening(listener, failures);
  }

  async stream(number: number): Promise<Connection> {
    while (this.streams.length <= number) await this.#changed.promise;
    return this.streams[number] ?? assert.fail();
  }

  close(): void {
    this.listener.close();
    for (const stream of this.streams) stream.close();
  }
}

/** Reads to the end of the stream. Returns the number of octets. */
async function readAll(connection: Connection, size = 4096): Promise<number> {
  let octets = 0;
  const view = new Uint8Array(size);
  for (let length; (length = await connection.read(view)) !== null;) octets += length;
  return octets;
}

/** An exporter's connection and a stream on it. */
function sender(port: number): ReturnType<typeof stream> & { client: Client } {
  const { certificate = "", key = "", ca = "" } = client.material;
  const verified = credentials.createSsl(Buffer.from(ca), Buffer.from(key), Buffer.from(certificate));
  const channel = new Client(`127.0.0.1:${port}`, verified, { "grpc.ssl_target_name_override": "collector.test" });
  return { client: channel, ...stream(channel) };
}

function stream(channel: Client): { call: ClientWritableStream<Uint8Array>; ended: Promise<number> } {
  const { promise, resolve } = Promise.withResolvers<number>();
  const { path, requestSerialize, responseDeserialize } = EXPORT;
  const call = channel.makeClientStreamRequest(path, requestSerialize, responseDeserialize, (error) => {
    resolve(error?.code ?? status.OK);
  });
  call.on("error", () => {});
  return { call, ended: promise };
}

const REQUEST = toBinary(
  ExportRequestSchema,
  create(ExportRequestSchema, { flows: [{ k8s: { sourcePodName: "p".repeat(2_000) } }, {}, {}] }),
);

Deno.test("a stream gives the same octets whatever views it is read into, and answers once all is read", async () => {
  const listening = await Listening.start();
  const lengths = [];
  for (const [number, size] of [1, 7, 1024, 65_536].entries()) {
    const { client, call, ended } = sender(listening.listener.address.port);
    call.write(REQUEST);
    call.write(REQUEST);
    call.end();
    const stream = await listening.stream(number);
    assert.equal(stream.certificateName, "client");
    lengths.push(await readAll(stream, size));
    await stream.closeWrite();
    assert.equal(await ended, status.OK);
    client.close();
  }
  assert.equal(new Set(lengths).size, 1);
  assert.ok((lengths[0] ?? 0) > 4_000);
  listening.close();
});

Deno.test("large requests wait for streams that are not read, and no connection is closed for them", async () => {
  const listening = await Listening.start();
  // Of 16 requests read ahead in each of two streams, a connection would have too many octets in hand.
  const count = 20;
  const flow = { k8s: { sourcePodName: "p".repeat(30_000) } };
  const request = toBinary(ExportRequestSchema, create(ExportRequestSchema, { flows: Array(139).fill(flow) }));
  assert.ok(request.length > 3.9 * 1024 * 1024);
  const { client, call, ended } = sender(listening.listener.address.port);
  const { call: other, ended: otherEnded } = stream(client);
  for (const each of [call, other]) {
    for (let sent = 0; sent < count; sent++) each.write(request);
    each.end();
  }
  const streams = [await listening.stream(0), await listening.stream(1)];
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  assert.deepEqual(listening.failures, []);
  for (const length of await Promise.all(streams.map((one) => readAll(one, 256 * 1024)))) {
    assert.ok(length > count * request.length);
  }
  assert.deepEqual(listening.failures, []);
  for (const one of streams) await one.closeWrite();
  assert.deepEqual([await ended, await otherEnded], [status.OK, status.OK]);
  client.close();
  listening.close();
});

Deno.test("what ended streams had not read no longer counts: their connection is not closed for it", async () => {
  const listening = await Listening.start();
  const flow = { k8s: { sourcePodName: "p".repeat(30_000) } };
  const request = toBinary(ExportRequestSchema, create(ExportRequestSchema, { flows: Array(139).fill(flow) }));
  const { client, call } = sender(listening.listener.address.port);
  call.write(new Uint8Array(0));
  await listening.stream(0);
  for (let number = 1; number <= 20; number++) {
    const { call: next, ended } = stream(client);
    // More than 64 MiB together: each arrives whole before the stream ends.
    await new Promise((resolve) => next.write(request, resolve));
    const unread = await listening.stream(number);
    assert.equal(await unread.read(new Uint8Array(1)), 1);
    if (number % 2 === 0) next.cancel();
    else unread.close();
    await ended;
  }
  assert.deepEqual(listening.failures, []);
  client.close();
  listening.close();
});

Deno.test("a stream that is closed here ends with a status that tells exporters to come back; a read that waits ends", async () => {
  const listening = await Listening.start();
  const { client, call, ended } = sender(listening.listener.address.port);
  call.write(new Uint8Array(0));
  const stream = await listening.stream(0);
  const reading = stream.read(new Uint8Array(100));
  stream.close();
  await assert.rejects(reading, /the stream is closed/);
  assert.equal(await ended, status.UNAVAILABLE);
  stream.close();
  client.close();
  listening.close();
});

Deno.test("records reach a collector over gRPC as flows, and its answer ends the connection in order", async () => {
  const listening = await Listening.start();
  const { hostname, port } = listening.listener.address;
  for (const serverName of [undefined, "collector.test"]) {
    const options = { credentials: client, ...(serverName === undefined ? {} : { serverName }) };
    const connection = await dialGrpc({ hostname, port }, options, RELEASES, QUEUE, AbortSignal.timeout(PATIENCE));
    const stream = await listening.stream(listening.streams.length);
    const ending = connection.read(new Uint8Array(1));
    void connection.closeWrite();
    assert.equal(await readAll(stream), 0);
    await stream.closeWrite();
    assert.equal(await ending, null);
    connection.close();
  }
  listening.close();
});

Deno.test("a collector is dialled only if it is who it should be", async () => {
  const listening = await Listening.start();
  const { address } = listening.listener;
  const other = await Authority.create("another");
  const foreign = trusting(await authority.issue({ name: "client", usage: ["client"] }), other.pem);
  const dial = (options: Parameters<typeof dialGrpc>[1], signal = AbortSignal.timeout(PATIENCE)) =>
    dialGrpc(address, options, RELEASES, QUEUE, signal);
  await assert.rejects(dial({ credentials: client, serverName: "someone.test" }), /someone\.test|certificate/i);
  await assert.rejects(dial({ credentials: foreign, serverName: "collector.test" }), /certificate|verify/i);
  await assert.rejects(dial({ credentials: client }, AbortSignal.abort(new Error("given up"))), /given up/);
  listening.close();
  await assert.rejects(dial({ credentials: client, serverName: "collector.test" }), /ECONNREFUSED|refused/i);
});

Deno.test("what is not gRPC is refused and named: IPFIX over TLS, HTTP/1 with and without ALPN", async () => {
  const listening = await Listening.start();
  const { port } = listening.listener.address;
  const { certificate = "", key = "", ca = "" } = client.material;
  const own = { hostname: "127.0.0.1", port, caCerts: [ca], cert: certificate, key };
  const attempts: readonly (readonly [octets: Uint8Array, words: RegExp, alpn?: string])[] = [
    [Uint8Array.of(0, 10, 0, 16, ...new Uint8Array(12)), /not gRPC: it looks like IPFIX over TLS, .* transport tls$/],
    [new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"), /not gRPC: it looks like HTTP$/],
    [Uint8Array.of(1, 2, 3), /not gRPC: it looks like nothing known$/],
    [new Uint8Array(0), /does not speak gRPC: it offers other protocols than HTTP\/2/, "http/1.1"],
  ];
  for (const [number, [octets, words, alpn]] of attempts.entries()) {
    const connection = await Deno.connectTls({ ...own, ...(alpn === undefined ? {} : { alpnProtocols: [alpn] }) });
    const end = connection.write(octets).then(() => connection.read(new Uint8Array(100)));
    await end.catch(() => {});
    await until("it is named", () => listening.failures.length > number);
    assert.match(listening.failures[number] ?? "", words);
    connection.close();
  }
  assert.equal(listening.streams.length, 0);
  listening.close();
});

Deno.test("nothing waits for another stream of a connection that has ended before its last stream", async () => {
  const waits = new Set<object>();
  const clock: typeof SYSTEM_CLOCK = {
    ...SYSTEM_CLOCK,
    after(milliseconds, callback) {
      if (milliseconds < 10_000) return SYSTEM_CLOCK.after(milliseconds, callback);
      const wait = {};
      waits.add(wait);
      return () => void waits.delete(wait);
    },
  };
  const listening = await Listening.start(clock);
  const { client, call } = sender(listening.listener.address.port);
  call.write(new Uint8Array(0));
  const stream = await listening.stream(0);
  assert.equal(waits.size, 1, "it waits for the first stream");
  client.close();
  call.cancel();
  await assert.rejects(readAll(stream));
  await until("the connection has ended", () => waits.size === 0);
  stream.close();
  assert.equal(waits.size, 0);
  listening.close();
});
