import assert from "node:assert/strict";
import { UndoLog } from "./undo_log.ts";

function logOf(): { log: UndoLog; done: string[] } {
  const done: string[] = [];
  const log = new UndoLog();
  for (const name of ["first", "second"]) {
    log.note(() => done.push(`undo ${name}`), () => done.push(`finish ${name}`));
  }
  log.note(() => done.push("undo third"));
  return { log, done };
}

Deno.test("a message that turns out broken is taken back, last change first, and never finished", () => {
  const { log, done } = logOf();
  log.rollBack();
  assert.deepEqual(done, ["undo third", "undo second", "undo first"]);
  log.rollBack();
  log.commit();
  log.finish();
  assert.equal(done.length, 3, "once");
});

Deno.test("a message that stands is finished in order once it is written, and cannot be taken back", () => {
  const { log, done } = logOf();
  log.commit();
  assert.deepEqual(done, [], "its data is still to be written by the templates that it replaced");
  log.rollBack();
  log.finish();
  assert.deepEqual(done, [], "rolled back: nothing is finished");

  const next = logOf();
  next.log.commit();
  next.log.finish();
  next.log.finish();
  next.log.rollBack();
  assert.deepEqual(next.done, ["finish first", "finish second"]);
});

Deno.test("what takes many turns is finished, or taken back, part by part, each part once", () => {
  for (const kind of ["finish", "undo"] as const) {
    const done: number[] = [];
    const log = new UndoLog();
    for (let change = 0; change < 7; change++) {
      const act = () => void done.push(change);
      log.note(kind === "undo" ? act : () => {}, kind === "finish" ? act : undefined);
    }
    if (kind === "finish") log.commit();
    const parts = Array.from({ length: 4 }, () => kind === "finish" ? log.finish(3) : log.rollBack(3));
    assert.deepEqual(parts, [3, 3, 1, 0]);
    assert.deepEqual(done, kind === "finish" ? [0, 1, 2, 3, 4, 5, 6] : [6, 5, 4, 3, 2, 1, 0]);
    assert.equal(log.pending, false);
    log.note(() => done.push(7), () => done.push(8));
    log.commit();
    assert.equal(log.finish(3), 1, "the next message begins anew");
    assert.equal(done.at(-1), 8);
  }
});
