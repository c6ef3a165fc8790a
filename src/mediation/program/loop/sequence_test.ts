import assert from "node:assert/strict";
import { Sequence } from "./sequence.ts";

/** Follows messages as [number, records]; the places at which a gap is seen. */
function gapsOf(sequence: Sequence, ...messages: readonly [received: number, records: number][]): number[] {
  return messages.flatMap(([received, records], place) => sequence.follow(received, records) > 0 ? [place] : []);
}

Deno.test("numbers that count the records before a message have no gap, nor those that count its own", () => {
  assert.deepEqual(gapsOf(new Sequence(), [0, 0], [0, 3], [3, 1], [4, 5]), []);
  assert.deepEqual(gapsOf(new Sequence(), [0, 0], [3, 3], [4, 1], [9, 5]), []);
});

Deno.test("a first number reveals nothing about earlier ones", () => {
  assert.deepEqual(gapsOf(new Sequence(), [1000, 3], [1003, 1]), []);
});

Deno.test("records that are missing are a gap, and a jump back is; what follows goes on from there", () => {
  const sequence = new Sequence();
  assert.deepEqual(gapsOf(sequence, [0, 3], [3, 1], [10, 1], [11, 1], [0, 1], [1, 1]), [2, 4]);
  assert.equal(sequence.takeGaps(), 2);
  assert.equal(sequence.takeGaps(), 0, "taken once");
});

Deno.test("numbers wrap at 2^32 without a gap, sent ones as well", () => {
  const sequence = new Sequence();
  assert.deepEqual(gapsOf(sequence, [0xfffffffe, 3], [1, 4], [5, 1]), []);
  sequence.depart(0xfffffffe, 3);
  assert.deepEqual([sequence.next(3), sequence.next(4), sequence.next(0)], [0xfffffffe, 1, 5]);
});

Deno.test("renumbering begins at the exporter's own number, in its way of counting", () => {
  const exclusive = new Sequence();
  gapsOf(exclusive, [100, 3], [103, 2]);
  assert.equal(exclusive.counted, false);
  exclusive.depart(103, 2);
  assert.equal(exclusive.counted, true);
  assert.deepEqual([exclusive.next(1), exclusive.next(2)], [103, 104]);

  const inclusive = new Sequence();
  gapsOf(inclusive, [0, 0], [3, 3], [5, 2]);
  inclusive.depart(5, 2);
  assert.deepEqual([inclusive.next(1), inclusive.next(2)], [4, 6], "3 were sent before; one of the two was dropped");
});

Deno.test("an exporter whose very first message counts its own records is known at once", () => {
  const sequence = new Sequence();
  sequence.follow(4, 4);
  sequence.depart(4, 4);
  assert.deepEqual([sequence.next(2), sequence.next(2)], [2, 4]);
});

Deno.test("numbers are right from where the exporter's way of counting is known, even once they are renumbered", () => {
  const inclusive = new Sequence();
  inclusive.follow(1001, 1);
  inclusive.depart(1001, 1);
  assert.deepEqual([inclusive.next(0), inclusive.next(1)], [1001, 1001], "nothing says that it counts its own");
  inclusive.follow(1003, 2);
  assert.deepEqual([inclusive.next(1), inclusive.next(1)], [1002, 1003]);
  inclusive.follow(1004, 1);
  assert.equal(inclusive.next(1), 1004);

  const exclusive = new Sequence();
  exclusive.follow(2, 2); // by chance the number of its own records
  exclusive.depart(2, 2);
  assert.deepEqual([exclusive.next(1), exclusive.next(1)], [1, 2]);
  exclusive.follow(4, 1);
  assert.equal(exclusive.next(1), 4);
});

Deno.test("counting from 0 on a new connection does not depend on earlier numbers", () => {
  const sequence = new Sequence();
  sequence.follow(1001, 1);
  sequence.depart(1001, 1);
  sequence.restart();
  sequence.next(1);
  sequence.follow(1003, 2);
  assert.deepEqual([sequence.next(2), sequence.next(1)], [3, 4]);
});

Deno.test("once the output is renumbered, it stays so", () => {
  const sequence = new Sequence();
  sequence.follow(100, 1);
  sequence.depart(100, 1);
  sequence.next(1);
  sequence.depart(500, 1);
  assert.equal(sequence.next(1), 101);
});

Deno.test("a new connection to the collector counts from 0, in the exporter's way", () => {
  const sequence = new Sequence();
  gapsOf(sequence, [0, 0], [3, 3], [5, 2]);
  sequence.restart();
  assert.deepEqual([sequence.next(2), sequence.next(1)], [2, 3]);
});

Deno.test("the block of a domain begins without what another domain left in it", () => {
  const first = new Sequence();
  gapsOf(first, [0, 0], [3, 3], [50, 2]);
  first.restart();
  first.close();
  const second = new Sequence();
  assert.equal(second.address, first.address);
  assert.equal(second.counted, false);
  assert.deepEqual(gapsOf(second, [7, 1], [8, 1]), []);
  assert.equal(second.takeGaps(), 0);
});

Deno.test("a message made by the proxy between two others carries the number that the exporter's would", () => {
  const exclusive = new Sequence();
  gapsOf(exclusive, [100, 3], [103, 2]);
  assert.deepEqual([exclusive.expected, exclusive.current], [105, 105]);
  const inclusive = new Sequence();
  gapsOf(inclusive, [0, 0], [3, 3], [5, 2]);
  assert.equal(inclusive.current, 5);
  const wrapped = new Sequence();
  gapsOf(wrapped, [0xffffffff, 2]);
  assert.equal(wrapped.current, 1);
});

/** Follows datagrams as [number, records, export time]; how many gaps are known when the session ends. */
function gapsOfDatagrams(
  ...messages: readonly [received: number, records: number, time?: number, certain?: boolean][]
) {
  const sequence = new Sequence(true);
  for (const [received, records, time = 0, certain] of messages) sequence.follow(received, records, certain, time);
  const before = sequence.takeGaps();
  sequence.end();
  const after = sequence.takeGaps();
  sequence.close();
  return [before, after];
}

Deno.test("UDP: data that waited for its template comes behind it without a gap, once or many times", () => {
  assert.deepEqual(gapsOfDatagrams([1, 0], [0, 1], [1, 1]), [0, 0]);
  assert.deepEqual(gapsOfDatagrams([5, 0], [0, 1], [1, 1], [2, 1], [3, 1], [4, 1], [5, 2], [7, 1]), [0, 0]);
  assert.deepEqual(gapsOfDatagrams([9, 1], [10, 3], [18, 1], [13, 5], [19, 1]), [0, 0], "all of a message waited");
});

Deno.test("UDP: the parts of a message, each after its own template, together fill the gap", () => {
  // 2 of 6 records go at once, 3 and 1 later.
  assert.deepEqual(gapsOfDatagrams([0, 2], [6, 1], [0, 3], [7, 1], [0, 1], [8, 1]), [0, 0]);
  assert.deepEqual(gapsOfDatagrams([0, 2], [6, 1], [0, 3], [7, 1]), [0, 1], "one never came");
  // The exporter counts a message's own records.
  assert.deepEqual(gapsOfDatagrams([1, 1], [2, 1], [4, 2], [10, 2], [11, 1], [10, 4], [12, 1]), [0, 0]);
});

Deno.test("UDP: a set that never got its template is no gap, because its number of records is unknown", () => {
  assert.deepEqual(gapsOfDatagrams([0, 2], [6, 1], [0, 0, 0, false], [7, 1]), [0, 0]);
  assert.deepEqual(gapsOfDatagrams([0, 2, 0, false], [6, 1], [7, 1]), [0, 0]);
});

Deno.test("UDP: messages that overtook each other have no gap; one that never comes is one, 10 seconds on", () => {
  assert.deepEqual(gapsOfDatagrams([0, 1], [3, 1], [2, 1], [1, 1], [4, 1]), [0, 0]);
  assert.deepEqual(gapsOfDatagrams([0, 1], [2, 1], [5, 1], [4, 1], [3, 1], [1, 1], [6, 1]), [0, 0]);
  assert.deepEqual(gapsOfDatagrams([0, 1], [3, 1, 1], [4, 1, 10]), [0, 1], "it may still come");
  assert.deepEqual(gapsOfDatagrams([0, 1], [3, 1, 1], [4, 1, 11]), [1, 0]);
  assert.deepEqual(gapsOfDatagrams([0, 1], [3, 1], [6, 1], [9, 1], [12, 1], [15, 1]), [1, 4], "four wait at a time");
  assert.deepEqual(
    gapsOfDatagrams([0xfffffffe, 1], [1, 1], [0xffffffff, 2], [2, 1]),
    [0, 0],
    "across the end of numbers",
  );
});

Deno.test("UDP: a template that was overtaken by data has no gap", () => {
  assert.deepEqual(gapsOfDatagrams([5, 1], [6, 1], [5, 0], [7, 1]), [0, 0]);
});

Deno.test("UDP: a message that comes twice is a gap, and one an exporter begins anew; what follows goes on from there", () => {
  assert.deepEqual(gapsOfDatagrams([0, 1], [1, 1], [2, 1, 20], [2, 1, 20], [3, 1, 20]), [1, 0]);
  assert.deepEqual(gapsOfDatagrams([100, 1], [101, 1], [0, 1, 1], [1, 1, 1], [2, 1, 2]), [1, 0]);
  assert.deepEqual(
    gapsOfDatagrams([100, 1], [101, 1, 20], [0, 1, 20], [1, 1, 20], [2, 1, 20]),
    [1, 0],
    "in one second",
  );
  assert.deepEqual(gapsOfDatagrams([0, 4], [1, 2], [3, 2, 20]), [1, 0], "what follows is the exporter's newest");
});
