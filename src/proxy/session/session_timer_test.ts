import assert from "node:assert/strict";
import { SessionTimer } from "./session_timer.ts";
import { SESSION_LIMITS } from "../../../test/support/proxy/test_proxy.ts";

Deno.test("an exporter that had long been silent has the time to send its last octets when it is asked to stop", () => {
  const timer = new SessionTimer();
  timer.wait(60_000, 0, 0);
  timer.drain(5_000);
  const pass = (elapsed: number) => {
    timer.pass(elapsed);
    timer.wait(elapsed, 0, 0);
    return timer.expired(SESSION_LIMITS, 0, 1_000);
  };
  assert.equal(timer.expired(SESSION_LIMITS, 0, 1_000), undefined);
  assert.equal(pass(900), undefined);
  timer.receive();
  assert.equal(pass(900), undefined, "it sends");
  assert.equal(pass(900), undefined);
  assert.equal(pass(100), "drained");
});

Deno.test("an exporter that goes on sending during a drain has the time that it was given, and no more", () => {
  const timer = new SessionTimer();
  timer.drain(2_500);
  for (const expected of [undefined, undefined, "drained"]) {
    timer.receive();
    timer.pass(1_000);
    timer.wait(1_000, 0, 0);
    assert.equal(timer.expired(SESSION_LIMITS, 0, 1_000), expected);
  }
});

Deno.test("a message that trickles in has its time from its beginning; the next one has its own", () => {
  const timer = new SessionTimer();
  const limits = { ...SESSION_LIMITS, partialMessage: 3_000 };
  const wait = (offset: number, waiting: number) => {
    timer.receive();
    timer.wait(1_000, offset, waiting);
    return timer.expired(limits, 0, 0);
  };
  assert.deepEqual([wait(0, 1), wait(0, 2), wait(0, 3)], [undefined, undefined, undefined]);
  assert.deepEqual([wait(50, 1), wait(50, 2), wait(50, 3), wait(50, 4)], [
    undefined,
    undefined,
    undefined,
    "partial_message",
  ]);
  assert.equal(wait(100, 0), undefined);
});
