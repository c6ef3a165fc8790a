import assert from "node:assert/strict";
import { createAdmin } from "../admin.ts";
import { FakeView } from "../../../test/support/fake_view.ts";
import { until } from "../../../test/support/time/until.ts";
import type { CapturedView, CaptureLimitsView } from "../view/view.ts";

const of = (id: string) => `http://127.0.0.1:24780/api/sessions/${id}/capture`;

function fixture() {
  const view = new FakeView();
  const asked: { id: string; limits: CaptureLimitsView; stop: AbortSignal }[] = [];
  const answers: ((captured: CapturedView) => void)[] = [];
  view.capture = (id, limits, stop) => {
    if (id === "0") return undefined;
    if (id === "1") return "busy";
    asked.push({ id, limits, stop });
    return new Promise((resolve) => answers.push(resolve));
  };
  const app = createAdmin(view, { boundHost: "127.0.0.1" });
  const post = (body: string, url = of("7"), peer = "127.0.0.1") =>
    Promise.resolve(
      app.request(url, { method: "POST", headers: { "Content-Type": "application/json" }, body }, { peer }),
    );
  return { view, asked, answers, post };
}

const CAPTURED: CapturedView = {
  received: Uint8Array.of(1, 2, 3),
  sent: Uint8Array.of(4),
  messages: 5,
  end: "messages",
};

Deno.test("both files come in one archive, once the capture has ended", async () => {
  const { asked, answers, post } = fixture();
  const waiting = post('{"messages": 5, "seconds": 60, "octets": 100000}');
  await until("it is captured", () => answers.length > 0);
  assert.deepEqual(asked.map(({ id, limits }) => [id, limits]), [["7", { messages: 5, octets: 100_000 }]]);
  const response = await waiting;
  assert.equal(response.status, 200);
  answers[0]?.(CAPTURED);
  assert.equal(response.headers.get("content-type"), "application/x-tar");
  assert.equal(response.headers.get("content-disposition"), 'attachment; filename="session-7.tar"');
  const archive = await response.bytes();
  const name = (at: number) => new TextDecoder().decode(archive.subarray(at, at + 100)).replace(/\0+$/, "");
  assert.deepEqual([name(0), name(1024)], ["session-7-received.ipfix", "session-7-sent.ipfix"]);
  assert.deepEqual([...archive.subarray(512, 515), archive[1536]], [1, 2, 3, 4]);
});

Deno.test("an empty body means the defaults; a wrong one is an error", async () => {
  const { asked, answers, post } = fixture();
  const waiting = post("");
  await until("it is captured", () => answers.length > 0);
  assert.deepEqual(asked[0]?.limits, { messages: 100, octets: 4 * 1024 * 1024 });
  answers[0]?.(CAPTURED);
  assert.equal((await waiting).status, 200);
  for (const wrong of ["{", "[]", '{"messages": 0}', '{"octets": 1e12}', '{"second": 1}', '{"seconds": "5"}']) {
    const response = await post(wrong);
    assert.equal(response.status, 400, wrong);
    assert.match((await response.json()).error, /\w/);
  }
  assert.match((await (await post('{"second": 1}')).json()).error, /second/);
});

Deno.test("a capture is refused for an unknown or already captured session, past the limit, and from another machine", async () => {
  const { answers, post } = fixture();
  assert.equal((await post("", of("0"))).status, 404);
  assert.equal((await post("", of("1"))).status, 409);
  assert.equal((await post("", of("7"), "10.0.0.9")).status, 403);
  const waiting = ["2", "3"].map((id) => post("", of(id)));
  await until("both are captured", () => answers.length === 2);
  assert.equal((await post("", of("6"))).status, 503);
  for (const answer of answers) answer(CAPTURED);
  for (const response of await Promise.all(waiting)) {
    assert.equal(response.status, 200);
    assert.equal((await response.bytes()).length % 512, 0);
  }
  const again = await post("", of("6"));
  assert.equal(again.status, 200, "there is room again");
});

Deno.test("a client that disconnects ends the capture", async () => {
  const { asked, answers, post } = fixture();
  const response = await post("");
  assert.equal(asked[0]?.stop.aborted, false);
  await response.body?.cancel();
  assert.equal(asked[0]?.stop.aborted, true);
  answers[0]?.(CAPTURED);
});

Deno.test("a capture that is not read keeps its place, so that others do not pile up behind it", async () => {
  const { answers, post } = fixture();
  const long = { ...CAPTURED, received: new Uint8Array(1_000_000) };
  const stalled = [await post("", of("2")), await post("", of("3"))];
  for (const answer of answers) answer(long);
  const readers = stalled.flatMap(({ body }) => body === null ? [] : [body.getReader()]);
  for (const reader of readers) await reader.read();
  assert.equal((await post("", of("4"))).status, 503);
  await readers[0]?.cancel();
  assert.equal((await post("", of("4"))).status, 200);
  await readers[1]?.cancel();
});

Deno.test("a capture that fails gives its place back once, whatever its client does then", async () => {
  const { view, post } = fixture();
  const { capture } = view;
  view.capture = () => Promise.reject(new Error("the disk is on fire"));
  for (let times = 0; times < 3; times++) {
    const failed = await post("");
    assert.equal(failed.status, 200);
    await failed.body?.cancel().catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  if (capture !== undefined) view.capture = capture;
  const running = await Promise.all(["2", "3", "4"].map((id) => post("", of(id))));
  assert.deepEqual(running.map(({ status }) => status), [200, 200, 503]);
  for (const { body } of running) await body?.cancel();
});
