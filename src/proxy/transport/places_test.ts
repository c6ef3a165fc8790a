import assert from "node:assert/strict";
import { Places } from "./places.ts";

function holder(hostname: string, quiet = 0, unheard = false) {
  return { remoteAddress: { hostname, port: 4739 }, quiet, unheard };
}

function placesOf(...holders: ReturnType<typeof holder>[]) {
  const places = new Places();
  for (const one of holders) places.take(one);
  return places;
}

Deno.test("the oldest connection that has sent nothing makes room, whoever comes", () => {
  const [good, first, second] = [holder("10.0.0.1", 9), holder("10.0.0.1", 5, true), holder("10.0.0.1", 9, true)];
  const places = placesOf(good, first, second);
  assert.equal(places.yieldTo({ hostname: "10.0.0.1", port: 1 }), first);
  places.free(first);
  assert.equal(places.yieldTo({ hostname: "10.0.0.2", port: 1 }), second);
  places.free(second);
  assert.equal(places.yieldTo({ hostname: "10.0.0.1", port: 1 }), undefined);
});

Deno.test("the quietest connection of the address with most makes room for an address with fewer, but not for its own", () => {
  const crowd = Array.from({ length: 10 }, (_, index) => holder("10.0.0.1", index % 7));
  const few = [holder("10.0.0.2", 100), holder("10.0.0.2", 100)];
  const places = placesOf(...few, ...crowd);
  assert.equal(
    places.yieldTo({ hostname: "10.0.0.1", port: 1 }),
    undefined,
    "as many as its address has, none more are due to it",
  );
  assert.equal(places.yieldTo({ hostname: "10.0.0.3", port: 1 }), crowd[6]);
  assert.equal(places.yieldTo({ hostname: "10.0.0.2", port: 1 }), crowd[6]);
  for (const one of crowd.slice(3)) places.free(one);
  assert.equal(places.yieldTo({ hostname: "10.0.0.2", port: 1 }), undefined, "it would have as many then");
  assert.equal(places.yieldTo({ hostname: "10.0.0.3", port: 1 }), crowd[2]);
});

Deno.test("an IPv6 exporter's share is that of its network of 64 bits, out of which it may choose any address", () => {
  const crowd = Array.from({ length: 5 }, (_, index) => holder(`2001:db8:0:1::${index + 1}`, index));
  const places = placesOf(...crowd);
  assert.equal(places.yieldTo({ hostname: "2001:db8:0:1:a:b:c:d", port: 1 }), undefined);
  assert.equal(places.yieldTo({ hostname: "2001:db8:0:2::1", port: 1 }), crowd[4]);
});

Deno.test("a place is given back once, and with the last one its address has none", () => {
  const one = holder("10.0.0.1");
  const places = placesOf(one);
  places.take(one);
  assert.equal(places.taken, 1);
  places.free(one);
  places.free(one);
  assert.equal(places.taken, 0);
  assert.equal(places.oldestOfLargestShare(), undefined);
});
