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
