import assert from "node:assert/strict";
import { LARGEST_REQUEST } from "../../flow/export_service.ts";
import { REQUEST_CHARGE, RequestsInHand, STREAM_CHARGE } from "./requests_in_hand.ts";

function request(length: number, isCompressed = 0): number[] {
  return [
    isCompressed,
    length >>> 24,
    length >> 16 & 0xff,
    length >> 8 & 0xff,
    length & 0xff,
    ...Array(length).fill(1),
  ];
}

function arrive(inHand: RequestsInHand, stream: number, octets: readonly number[]): void {
  inHand.begin(stream);
  inHand.arrive(stream, Uint8Array.from(octets), 0, octets.length);
}

Deno.test("requests count with their octets as they come and a charge of their own, until they are taken, wherever they are cut", () => {
  const octets = Uint8Array.from([...request(300), ...request(0), ...request(70_000)]);
  for (const size of [1, 4, 5, 6, 1000, octets.length]) {
    const inHand = new RequestsInHand();
    inHand.begin(3);
    for (let at = 0; at < octets.length; at += size) {
      inHand.arrive(3, octets, at, Math.min(octets.length, at + size));
      const begun = at + size < 5 ? 0 : REQUEST_CHARGE + at + size - 5;
      if (at + size < 300) assert.equal(inHand.octets, STREAM_CHARGE + begun);
    }
    assert.equal(inHand.count, 3);
    const left = [70_000 + 2 * REQUEST_CHARGE, 70_000 + REQUEST_CHARGE, 0, 0];
    for (const octets of left) {
      inHand.taken(3);
      assert.equal(inHand.octets, STREAM_CHARGE + octets, `in pieces of ${size}`);
    }
  }
});

Deno.test("what a stream did not take no longer counts when it ends; other streams keep theirs", () => {
  const inHand = new RequestsInHand();
  arrive(inHand, 1, request(1_000));
  arrive(inHand, 3, request(500).slice(0, 100));
  arrive(inHand, 5, request(20));
  inHand.end(1);
  inHand.taken(1);
  inHand.end(7);
  assert.equal(inHand.octets, 95 + 20 + 2 * (REQUEST_CHARGE + STREAM_CHARGE));
  inHand.end(3);
  assert.equal(inHand.octets, 20 + REQUEST_CHARGE + STREAM_CHARGE);
  inHand.endAll();
  assert.equal(inHand.octets, 0);
});

Deno.test("requests wait from their last octet until they are taken, or their stream ends", () => {
  const inHand = new RequestsInHand();
  arrive(inHand, 1, [...request(10), ...request(0), ...request(10).slice(0, 14)]);
  assert.equal(inHand.waiting, 2);
  arrive(inHand, 1, [1]);
  arrive(inHand, 3, request(5, 1));
  assert.equal(inHand.waiting, 4);
  inHand.taken(1);
  assert.equal(inHand.waiting, 3);
  inHand.end(1);
  assert.equal(inHand.waiting, 1);
  inHand.taken(3);
  inHand.taken(3);
  assert.deepEqual([inHand.waiting, inHand.octets], [0, STREAM_CHARGE]);
});

Deno.test("a compressed request counts its possible uncompressed size, up to the limit of a request", () => {
  const inHand = new RequestsInHand();
  arrive(inHand, 1, request(100, 1));
  assert.equal(inHand.octets, STREAM_CHARGE + 100 * 1032 + REQUEST_CHARGE);
  arrive(inHand, 1, request(10_000, 1));
  assert.equal(inHand.octets, STREAM_CHARGE + 100 * 1032 + LARGEST_REQUEST + 2 * REQUEST_CHARGE);
  inHand.taken(1);
  inHand.taken(1);
  assert.equal(inHand.octets, STREAM_CHARGE);
});

Deno.test("what comes in a stream that has ended is not counted, and its number begins no other stream", () => {
  const inHand = new RequestsInHand();
  arrive(inHand, 3, request(1_000));
  inHand.end(3);
  arrive(inHand, 3, request(1_000));
  arrive(inHand, 1, request(1_000));
  assert.deepEqual([inHand.octets, inHand.waiting], [0, 0]);
  arrive(inHand, 5, request(1_000));
  assert.deepEqual([inHand.octets, inHand.waiting], [1_000 + REQUEST_CHARGE + STREAM_CHARGE, 1]);
});
