import assert from "node:assert/strict";
import fc from "fast-check";
import { type PlaceHolder, Places } from "./places.ts";

/** Quiet from the start until it is heard; unheard once that has lasted 15 ms. */
class TimedHolder implements PlaceHolder {
  readonly remoteAddress;
  heard = false;
  quiet = 0;

  constructor(hostname: string) {
    this.remoteAddress = { hostname, port: 4739 };
  }

  get unheard(): boolean {
    return !this.heard && this.quiet >= 15;
  }

  hear(): void {
    this.heard = true;
    this.quiet = 0;
  }
}

function holder(hostname: string, quiet = 0, unheard = false) {
  return { remoteAddress: { hostname, port: 4739 }, heard: !unheard, quiet, unheard };
}

function placesOf(...holders: ReturnType<typeof holder>[]) {
  const places = new Places();
  for (const one of holders) places.take(one);
  return places;
}

Deno.test("the oldest connection that has sent nothing makes room for any newcomer", () => {
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

Deno.test("thousands of holders are looked at once, however many newcomers are turned away", () => {
  const places = new Places();
  let looks = 0;
  for (let number = 0; number < 5_000; number++) {
    places.take({
      remoteAddress: { hostname: `10.0.${number >> 8}.${number & 255}`, port: 4739 },
      get heard() {
        return ++looks > 0;
      },
      get unheard() {
        return ++looks < 0;
      },
      quiet: 0,
    });
  }
  for (let newcomer = 0; newcomer < 100; newcomer++) {
    assert.equal(places.yieldTo({ hostname: "10.0.0.1", port: 1 }), undefined);
  }
  assert.ok(looks <= 5_000, String(looks));
});

Deno.test("the holder that makes room is always the one that a search of all holders finds", () => {
  const action = fc.record({
    kind: fc.constantFrom("take", "take", "free", "hear", "pass"),
    owner: fc.nat(3),
    which: fc.nat(30),
  });
  fc.assert(fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
    const places = new Places<TimedHolder>();
    let all: TimedHolder[] = [];
    for (const { kind, owner, which } of actions) {
      const one = all[which % all.length];
      if (kind === "take") {
        const newcomer = new TimedHolder(`10.0.0.${owner}`);
        all.push(newcomer);
        places.take(newcomer);
      } else if (kind === "free" && one !== undefined) {
        all = all.filter((other) => other !== one);
        places.free(one);
      } else if (kind === "hear") one?.hear();
      else if (kind === "pass") { for (const other of all) other.quiet += 1 + which; }
      const newcomer = `10.0.0.${owner}`;
      const leaving = places.yieldTo({ hostname: newcomer, port: 1 });
      const unheard = all.find((other) => other.unheard);
      const sizes = new Map<string, number>();
      for (const { remoteAddress: { hostname } } of all) sizes.set(hostname, (sizes.get(hostname) ?? 0) + 1);
      const most = Math.max(0, ...sizes.values());
      assert.equal(places.taken, all.length);
      assert.equal(sizes.get(places.oldestOfLargestShare()?.remoteAddress.hostname ?? "") ?? 0, most);
      if (unheard !== undefined) assert.equal(leaving, unheard);
      else if (most <= (sizes.get(newcomer) ?? 0) + 1) assert.equal(leaving, undefined);
      else {
        const { hostname } = leaving?.remoteAddress ?? { hostname: "" };
        assert.equal(sizes.get(hostname), most);
        const quiets = all.filter((other) => other.remoteAddress.hostname === hostname).map(({ quiet }) => quiet);
        assert.equal(leaving?.quiet, Math.max(...quiets));
      }
    }
  }));
});
