import assert from "node:assert/strict";
import { Journal } from "./template_entry.ts";

function journalOf(): { journal: Journal; done: string[] } {
  const done: string[] = [];
  const journal = new Journal();
  for (const name of ["first", "second"]) {
    journal.note(() => done.push(`undo ${name}`), () => done.push(`finish ${name}`));
  }
  journal.note(() => done.push("undo third"));
  return { journal, done };
}

Deno.test("a message that turns out broken is taken back, last change first, and never finished", () => {
  const { journal, done } = journalOf();
  journal.rollBack();
  assert.deepEqual(done, ["undo third", "undo second", "undo first"]);
  journal.rollBack();
  journal.commit();
  journal.finish();
  assert.equal(done.length, 3, "once");
});

Deno.test("a message that stands is finished in order once it is written, and cannot be taken back", () => {
  const { journal, done } = journalOf();
  journal.commit();
  assert.deepEqual(done, [], "its data is still to be written by the templates that it replaced");
  journal.rollBack();
  journal.finish();
  assert.deepEqual(done, [], "rolled back: nothing is finished");

  const next = journalOf();
  next.journal.commit();
  next.journal.finish();
  next.journal.finish();
  next.journal.rollBack();
  assert.deepEqual(next.done, ["finish first", "finish second"]);
});
