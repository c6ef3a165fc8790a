import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { PassThrough } from "node:stream";
import { SlicedConnection } from "./sliced_connection.ts";

/** Milliseconds that a slice takes to parse here, which is a whole turn. */
const LONG = 3;

Deno.test("what takes long to parse is parsed over many turns of the event loop, in order, from all clients by turns", async () => {
  const clients = [0, 1].map(() => {
    const socket = new PassThrough();
    const connection = new SlicedConnection(socket as unknown as Socket);
    return { socket, connection };
  });
  const parsed: { client: number; length: number; turn: number }[] = [];
  const octets: Uint8Array[][] = [[], []];
  let turn = 0;
  const timer = setInterval(() => turn++, 0);
  const ended = clients.map(({ connection }, client) =>
    new Promise<void>((resolve) => {
      connection.on("data", (slice: Uint8Array) => {
        parsed.push({ client, length: slice.length, turn });
        octets[client]?.push(slice);
        for (const began = performance.now(); performance.now() - began < LONG;);
      });
      connection.on("end", resolve);
    })
  );
  const sent = Uint8Array.from({ length: 2_000 }, (_, index) => index % 251);
  // As with a server that reads already.
  await new Promise((resolve) => setTimeout(resolve, 5));
  for (const { socket } of clients) socket.end(sent);
  await Promise.all(ended);
  clearInterval(timer);
  for (const own of octets) assert.deepEqual(Uint8Array.from(own.flatMap((slice) => [...slice])), sent);
  assert.ok(new Set(parsed.map(({ turn }) => turn)).size >= 8, `${parsed.length} slices in ${turn} turns`);
  const last = parsed.findLastIndex(({ client }) => client === 0);
  const first = parsed.findIndex(({ client }) => client === 1);
  assert.ok(first < last, "neither waits for all of the other");
});
