import assert from "node:assert/strict";
import type { RateSample } from "../view/rate_history.ts";
import { until } from "../../../test/support/time/until.ts";
import { liveStream, type RenderedRegion } from "./live_stream.ts";

interface Told {
  readonly event: string;
  // deno-lint-ignore no-explicit-any -- what JSON.parse gives
  readonly data: any;
}

async function* events(stream: ReadableStream<Uint8Array>): AsyncGenerator<Told> {
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const match = /^event: (\w+)\ndata: (.*)\n\n$/.exec(chunk);
    if (match !== null) yield { event: match[1] ?? "", data: JSON.parse(match[2] ?? "") };
  }
}

Deno.test("a page receives all regions first, then those that changed, and their order where one comes or goes", async () => {
  let regions: RenderedRegion[] = [{ id: "a", html: "1" }, { id: "b", html: "1" }];
  let closed = 0;
  const told = events(
    liveStream({ render: () => Promise.resolve(regions), interval: 1, onClose: () => closed++ }),
  );
  const next = async () => (await told.next()).value?.data;
  assert.deepEqual(await next(), { order: ["a", "b"], changed: regions });
  regions = [{ id: "a", html: "1" }, { id: "b", html: "2" }];
  assert.deepEqual(await next(), { order: ["a", "b"], changed: [{ id: "b", html: "2" }] });
  regions = [{ id: "b", html: "2" }];
  assert.deepEqual(await next(), { order: ["b"], changed: [] });
  regions = [{ id: "a", html: "1" }, { id: "b", html: "2" }];
  assert.deepEqual(await next(), { order: ["a", "b"], changed: [{ id: "a", html: "1" }] });
  await told.return(undefined);
  assert.equal(closed, 1);
});

Deno.test("a new sample is sent at once, until the page is closed", async () => {
  let listener: ((sample: RateSample) => void) | undefined;
  const told = events(liveStream({
    render: () => Promise.resolve([]),
    rates: (subscriber) => {
      listener = subscriber;
      return () => listener = undefined;
    },
  }));
  const sample = { time: 1, received: 2, sent: 3, dropped: 4, held: 5 };
  const first = told.next();
  listener?.(sample);
  assert.deepEqual((await first).value, { event: "rate", data: sample });
  await told.return(undefined);
  assert.equal(listener, undefined);
});

Deno.test("updates do not pile up for a page that does not read", async () => {
  let renders = 0;
  const stream = liveStream({
    render: () => Promise.resolve([{ id: "a", html: String(renders++) }]),
    interval: 0,
  });
  await until("four updates wait", () => renders >= 4);
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(renders, 4, "as many as wait in the stream");
  await stream.cancel();
});

Deno.test("updates are bounded: a region that is too long stays as loaded, and others follow with the next update", async () => {
  const long = { id: "long", html: "x".repeat(256 * 1024 + 1) };
  const many = Array.from({ length: 6 }, (_, index) => ({ id: `${index}`, html: "y".repeat(256 * 1024) }));
  const told = events(liveStream({ render: () => Promise.resolve([long, ...many]), interval: 1 }));
  const order = ["long", "0", "1", "2", "3", "4", "5"];
  for (const changed of [many.slice(0, 4), many.slice(4)]) {
    assert.deepEqual((await told.next()).value?.data, { order, changed });
  }
  await told.return(undefined);
});

Deno.test("a page whose rendering fails ends, and is closed once", async () => {
  let closed = 0;
  const stream = liveStream({ render: () => Promise.reject(new Error("no")), onClose: () => closed++ });
  await assert.rejects(stream.getReader().read(), /no/);
  assert.equal(closed, 1);
});

Deno.test("the wait for a turn is no work of the page: however long it was, the next update is not late for it", async () => {
  let time = 0;
  let renders = 0;
  const told = events(liveStream({
    render: async (pause) => {
      await pause();
      return [{ id: "a", html: String(renders++) }];
    },
    interval: 1,
    turn: () => Promise.resolve(void (time += 60_000)),
    now: () => time,
  }));
  await told.next();
  const late = Promise.withResolvers<"late">();
  const timer = setTimeout(() => late.resolve("late"), 5_000);
  assert.notEqual(await Promise.race([told.next(), late.promise]), "late");
  clearTimeout(timer);
  await told.return(undefined);
});
