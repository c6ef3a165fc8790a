import assert from "node:assert/strict";
import { eventStream } from "./event_stream.ts";
import { FakeView, skewedMapping } from "../../../test/support/fake_view.ts";

const time = new Date("2026-01-01T00:00:00Z");

async function take(stream: ReadableStream<Uint8Array>, count: number): Promise<string[]> {
  const frames: string[] = [];
  const reader = stream.getReader();
  while (frames.length < count) frames.push(new TextDecoder().decode((await reader.read()).value));
  await reader.cancel();
  return frames;
}

Deno.test("a client that does not read costs no memory, and is told how much it missed", async () => {
  const view = new FakeView();
  const stream = eventStream((listener) => view.subscribe(listener), { capacity: 3 });
  for (let number = 0; number < 1000; number++) view.emit({ event: "session_opened", time, number });
  const reader = stream.getReader();
  // The opening comment and two events fill it; what is read makes room for what comes next.
  for (let frame = 0; frame < 3; frame++) await reader.read();
  view.emit({ event: "session_closed", time });
  const skipped = new TextDecoder().decode((await reader.read()).value);
  assert.equal(
    skipped,
    `event: events_skipped\ndata: {"event":"events_skipped","time":"${time.toISOString()}","count":998}\n\n`,
  );
  assert.match(new TextDecoder().decode((await reader.read()).value), /^event: session_closed\n/);
  await reader.cancel();
});

Deno.test("an event carries its mapping as explain tells it", async () => {
  const view = new FakeView();
  const stream = eventStream((listener) => view.subscribe(listener));
  view.emit({ event: "template_mapped", time, session: "1", template: 256, mapping: skewedMapping() });
  const [, frame = ""] = await take(stream, 2);
  const { mapping } = JSON.parse(/^data: (.*)$/m.exec(frame)?.[1] ?? "");
  assert.deepEqual(mapping.stripped, ["56506/999"]);
});

Deno.test("what came from outside cannot end its line", async () => {
  const view = new FakeView();
  const stream = eventStream((listener) => view.subscribe(listener));
  view.emit({ event: "warning\ndata: forged", time, message: "one\n\nevent: forged" });
  const [, frame = ""] = await take(stream, 2);
  assert.equal(frame.trimEnd().split("\n").length, 2);
});

Deno.test("the client's end is the subscription's", async () => {
  const view = new FakeView();
  let closed = 0;
  const stream = eventStream((listener) => view.subscribe(listener), { onClose: () => closed++ });
  assert.equal(view.listeners.size, 1);
  await stream.cancel();
  assert.equal(view.listeners.size, 0);
  assert.equal(closed, 1);
});
