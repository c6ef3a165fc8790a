import assert from "node:assert/strict";
import { LogQueue } from "./log_queue.ts";

/** A reader that takes what is written only when the test lets it. */
class Reader {
  text = "";
  broken = false;
  #waiting: (() => void) | undefined;
  #reading = false;

  write = async (octets: Uint8Array): Promise<number> => {
    if (!this.#reading) await new Promise<void>((resolve) => this.#waiting = resolve);
    if (this.broken) throw new Deno.errors.BrokenPipe();
    // As a pipe does, it takes only a part.
    const part = octets.subarray(0, 7);
    this.text += new TextDecoder().decode(part);
    return part.length;
  };

  resume(): void {
    this.#reading = true;
    this.#waiting?.();
  }
}

const describe = (count: number) => `dropped ${count}\n`;

Deno.test("lines wait for a stalled reader up to a bound, then are dropped and counted; the count is written once it reads again", async () => {
  const reader = new Reader();
  const queue = new LogQueue(reader.write, describe, 30);
  for (let line = 0; line < 9; line++) queue.push(`line ${line} ab\n`);
  await Promise.resolve();
  assert.equal(queue.octets, 30);
  assert.equal(queue.dropped, 6);
  reader.resume();
  await queue.flushed();
  queue.push("after\n");
  await queue.flushed();
  assert.equal(reader.text, "line 0 ab\nline 1 ab\nline 2 ab\ndropped 6\nafter\n");
  assert.equal(queue.octets, 0);
});

Deno.test("lines that a broken pipe did not take count as dropped, and the next line is tried", async () => {
  const reader = new Reader();
  reader.broken = true;
  reader.resume();
  const queue = new LogQueue(reader.write, describe);
  queue.push("one\n");
  queue.push("two\n");
  await queue.flushed();
  assert.equal(queue.dropped, 2);
  assert.equal(queue.octets, 0, "they take no room from what comes later");
  reader.broken = false;
  queue.push("three\n");
  await queue.flushed();
  assert.equal(reader.text, "three\ndropped 2\n");
});
