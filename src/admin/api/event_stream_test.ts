import assert from "node:assert/strict";
import { eventStream } from "./event_stream.ts";
import { FakeView } from "../../../test/support/fake_view.ts";

const time = new Date("2026-01-01T00:00:00Z");

async function take(stream: ReadableStream<Uint8Array>, count: number): Promise<string[]> {
  const frames: string[] = [];
  const reader = stream.getReader();
  while (frames.length < count) frames.push(new TextDecoder().decode((await reader.read()).value));
  await reader.cancel();
  return frames;
}

Deno.test("a client that does not read takes no memory, and learns how many events it missed", async () => {
  const view = new FakeView();
  const stream = eventStream((listener) => view.subscribe(listener), { octets: 200 });
  for (let number = 0; number < 1000; number++) view.emit({ event: "session_opened", time, number });
  const reader = stream.getReader();
  // The opening comment and two events fill it.
  for (let frame = 0; frame < 3; frame++) await reader.read();
  const skipped = new TextDecoder().decode((await reader.read()).value);
  view.emit({ event: "session_closed", time });
  assert.equal(
    skipped,
    `event: events_skipped\ndata: {"event":"events_skipped","time":"${time.toISOString()}","count":998}\n\n`,
  );
  assert.match(new TextDecoder().decode((await reader.read()).value), /^event: session_closed\n/);
  await reader.cancel();
});

Deno.test("events waiting for a client that does not read are bounded in octets, however long they are", async () => {
  const view = new FakeView();
  const stream = eventStream((listener) => view.subscribe(listener));
  const stripped = Array.from({ length: 16_301 }, (_, index) => `56506/${index}`);
  for (let template = 256; template < 2_256; template++) {
    view.emit({ event: "template_mapped", time, session: "1", template, message: "x".repeat(100_000), stripped });
  }
  const frames: string[] = [];
  const reader = stream.getReader();
  while (!frames.at(-1)?.startsWith("event: events_skipped")) {
    frames.push(new TextDecoder().decode((await reader.read()).value));
  }
  await reader.cancel();
  const octets = frames.reduce((sum, { length }) => sum + length, 0);
  assert.ok(octets < 300_000, `${octets} octets waited`);
  const { count } = JSON.parse(/^data: (.*)$/m.exec(frames.at(-1) ?? "")?.[1] ?? "");
  assert.equal(count, 2_000 - (frames.length - 2));
});

Deno.test("an event that is too long says what was left out, and how much", async () => {
  const view = new FakeView();
  const stream = eventStream((listener) => view.subscribe(listener));
  const names = Array.from({ length: 1_000 }, (_, index) => `56506/${index}`);
  view.emit({ event: "template_mapped", time, link: "/api/sessions/1", stripped: names, padded: ["tcpState"] });
  const wide = Object.fromEntries(names.map((name) => [name, name]));
  view.emit({ event: "warning", time, message: "wide", link: "/api/sessions/2", wide });
  const [, cut = "", reduced = ""] = await take(stream, 3);
  assert.deepEqual(JSON.parse(/^data: (.*)$/m.exec(cut)?.[1] ?? ""), {
    event: "template_mapped",
    time: time.toISOString(),
    link: "/api/sessions/1",
    stripped: names.slice(0, 32),
    padded: ["tcpState"],
    truncated: { stripped: 1_000 },
  });
  const { truncated, ...rest } = JSON.parse(/^data: (.*)$/m.exec(reduced)?.[1] ?? "");
  assert.deepEqual(rest, { event: "warning", time: time.toISOString(), message: "wide", link: "/api/sessions/2" });
  assert.ok(truncated.event > 8_192);
});

Deno.test("text from outside cannot end its line in the stream", async () => {
  const view = new FakeView();
  const stream = eventStream((listener) => view.subscribe(listener));
  view.emit({ event: "warning\ndata: forged", time, message: "one\n\nevent: forged" });
  const [, frame = ""] = await take(stream, 2);
  assert.equal(frame.trimEnd().split("\n").length, 2);
});

Deno.test("the subscription ends when the client disconnects", async () => {
  const view = new FakeView();
  let closed = 0;
  const stream = eventStream((listener) => view.subscribe(listener), { onClose: () => closed++ });
  assert.equal(view.listeners.size, 1);
  await stream.cancel();
  assert.equal(view.listeners.size, 0);
  assert.equal(closed, 1);
});

Deno.test("what keeps a connection alive does not pile up for a client that does not read", async () => {
  const view = new FakeView();
  const stream = eventStream((listener) => view.subscribe(listener), { octets: 60, heartbeat: 1 });
  // As much as may wait does from here on.
  view.emit({ event: "session_opened", time });
  await new Promise((resolve) => setTimeout(resolve, 50));
  view.emit({ event: "session_closed", time });
  const frames = await take(stream, 3);
  assert.deepEqual(frames.map((frame) => frame.split("\n")[0]), [
    ": events from now on",
    "event: session_opened",
    "event: events_skipped",
  ]);
});
