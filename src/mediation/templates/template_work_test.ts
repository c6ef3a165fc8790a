import assert from "node:assert/strict";
import { TemplateWork } from "./template_work.ts";

const settled = () => new Promise<void>((resolve) => queueMicrotask(resolve));

/** Asks for a turn. Returns whether it has come. */
function ask(work: TemplateWork, holder: object, fields: number) {
  const state = { turn: work.begin(holder, fields) === undefined };
  void work.begin(holder, fields)?.then(() => state.turn = true);
  return state;
}

Deno.test("as much work is begun as fits; the rest takes its turn in order of arrival", async () => {
  const work = new TemplateWork(6_000_000);
  const [first, second, third, fourth] = [{}, {}, {}, {}];
  assert.equal(ask(work, first, 6_000).turn, true);
  assert.equal(ask(work, second, 4_000).turn, true);
  const [long, short] = [ask(work, third, 7_000), ask(work, fourth, 10)];
  assert.deepEqual([long.turn, short.turn], [false, false], "a short one does not overtake a long one");
  work.end(second);
  await settled();
  assert.deepEqual([long.turn, short.turn], [false, false]);
  work.end(first);
  await settled();
  assert.deepEqual([long.turn, short.turn], [true, true]);
  assert.equal(work.begin(third, 7_000), undefined, "its turn is kept for it, and counts once");
  assert.equal(work.used, 7_010 * 600);
  for (const holder of [third, fourth, first]) work.end(holder);
  assert.equal(work.used, 0);
});

Deno.test("a template that is longer than the limit begins when there is no other", () => {
  const work = new TemplateWork(600);
  const [one, other] = [{}, {}];
  assert.equal(work.begin(one, 16_000), undefined);
  assert.notEqual(work.begin(other, 1), undefined);
  work.end(one);
  assert.equal(work.begin(other, 1), undefined);
});

Deno.test("one that leaves while it waits, or when its turn has come, keeps nobody waiting", async () => {
  const work = new TemplateWork(600);
  const [one, gone, alsoGone, last] = [{}, {}, {}, {}];
  work.begin(one, 1);
  const [waiting] = [ask(work, gone, 1), ask(work, alsoGone, 1)];
  const patient = ask(work, last, 1);
  work.end(gone);
  await settled();
  assert.equal(waiting.turn, true, "it need not wait any more");
  work.end(one);
  work.end(alsoGone);
  await settled();
  assert.equal(patient.turn, true);
});
