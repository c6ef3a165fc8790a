import assert from "node:assert/strict";
import type { Connection } from "../connection.ts";
import { ConnectionStream } from "./connection_stream.ts";

/** Octets that count on without end; knows what it was given to read into. */
class CountingConnection implements Connection {
  readonly transport = "tcp";
  readonly remoteAddress = { hostname: "memory", port: 0 };
  readonly buffers = new Set<ArrayBufferLike>();
  largest = 0;
  /** Octets of the last view. */
  last = 0;
  /** Octets that one read brings at most. */
  most = Infinity;
  /** Octets that may still be read. */
  left = Infinity;
  #next = 0;

  read(view: Uint8Array): Promise<number | null> {
    this.buffers.add(view.buffer);
    this.largest = Math.max(this.largest, view.length);
    this.last = view.length;
    const length = Math.min(view.length, this.left, this.most);
    // Beyond what may be read it waits for ever, as a silent exporter lets it.
    if (length === 0) return new Promise(() => {});
    this.left -= length;
    for (let index = 0; index < length; index++) view[index] = this.#next++;
    return Promise.resolve(length);
  }

  write(octets: Uint8Array): Promise<number> {
    return Promise.resolve(octets.length);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}

/** Whether they count on from the number, each modulo 256. */
function countsOn(octets: Uint8Array, from: number): boolean {
  return octets.every((octet, index) => octet === (from + index) % 256);
}

const turn = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("a reader that takes octets at once gets the same memory again, one that lets them wait does not", async () => {
  const taken = new CountingConnection();
  const quick = new ConnectionStream(taken);
  const total = 4 * 1024 * 1024;
  taken.left = total;
  let length = 0;
  quick.on("data", (chunk: Uint8Array) => {
    assert.ok(countsOn(chunk, length));
    length += chunk.length;
  });
  while (length < total) await turn();
  quick.destroy();
  assert.ok(taken.buffers.size < 8, `${taken.buffers.size} buffers`);

  const waiting = new CountingConnection();
  const slow = new ConnectionStream(waiting);
  waiting.most = 1500;
  waiting.left = 200 * waiting.most;
  length = 0;
  for await (const chunk of slow) {
    await turn();
    assert.ok(countsOn(chunk, length));
    length += chunk.length;
    if (length === 200 * waiting.most) break;
  }
});

Deno.test("few streams read much at a time; of many the newcomers read less, until others have gone", async () => {
  const grow = async (): Promise<[CountingConnection, ConnectionStream]> => {
    const connection = new CountingConnection();
    const stream = new ConnectionStream(connection);
    connection.left = 1024 * 1024;
    stream.resume();
    while (connection.left > 0) await turn();
    return [connection, stream];
  };
  const [first, ...others] = await Promise.all(Array.from({ length: 300 }, grow));
  const [last] = others.slice(-1);
  assert.equal(first?.[0].largest, 192 * 1024);
  assert.equal(last?.[0].largest, 64 * 1024);
  for (const [, stream] of [first, ...others].filter((one) => one !== undefined)) stream.destroy();
  const [connection, stream] = await grow();
  assert.equal(connection.largest, 192 * 1024);
  stream.destroy();
});

Deno.test("a stream that waits for little holds two kilobytes, also after a burst", async () => {
  const connection = new CountingConnection();
  const few = 300 * 1000;
  connection.left = 1024 * 1024 + few;
  const stream = new ConnectionStream(connection);
  stream.on("data", () => connection.most = connection.left > few ? Infinity : 400);
  while (connection.left > 0) await turn();
  assert.ok(connection.largest > 64 * 1024);
  await turn();
  assert.equal(connection.last, 2048);
  stream.destroy();
});
