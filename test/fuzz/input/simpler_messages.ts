import { join, number, readNumber } from "../../support/messages/wire.ts";

/** Variants of a list without one of its parts: halves first, then quarters, at last single entries. */
export function* without<Item>(list: readonly Item[]): Iterable<Item[]> {
  for (let size = Math.ceil(list.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < list.length; start += size) {
      yield [...list.slice(0, start), ...list.slice(start + size)];
    }
  }
}

/** Messages less one or more of them, or with one of them simpler. */
export function* simplerMessages(messages: readonly Uint8Array[]): Iterable<Uint8Array[]> {
  yield* without(messages);
  for (const [index, message] of messages.entries()) {
    for (const simpler of simplerMessage(message)) yield messages.with(index, simpler);
  }
}

/**
 * A message less some of its sets or octets, with its length put right where it was right; or with octets that are 0.
 */
function* simplerMessage(message: Uint8Array): Iterable<Uint8Array> {
  const header = message.subarray(0, 16);
  const isRight = message.length >= 16 && readNumber(message, 2, 2) === message.length;
  const withContent = (content: Uint8Array) =>
    isRight
      ? join(header.subarray(0, 2), number(16 + content.length, 2), header.subarray(4), content)
      : join(header, content);
  const sets = setsOf(message.subarray(16));
  if (sets.length > 1) { for (const fewer of without(sets)) yield withContent(join(...fewer)); }
  const content = message.subarray(16);
  for (let size = content.length >> 1; size >= 1; size >>= 1) {
    for (let start = 0; start + size <= content.length; start += size) {
      yield withContent(shorter(content, start, size));
    }
  }
  for (let size = content.length; size >= 1; size >>= 1) {
    for (let start = 0; start + size <= content.length; start += size) {
      if (content.subarray(start, start + size).every((octet) => octet === 0)) continue;
      yield withContent(content.slice().fill(0, start, start + size));
    }
  }
}

/** Content without some octets, and with the length put right of the set that they are taken from. */
function shorter(content: Uint8Array, start: number, size: number): Uint8Array {
  let setStart = 0;
  for (const set of setsOf(content)) {
    const setEnd = setStart + set.length;
    if (start >= setStart + 4 && start + size <= setEnd && readNumber(set, 2, 2) === set.length) {
      const fixed = content.slice();
      fixed.set(number(set.length - size, 2), setStart + 2);
      return join(fixed.subarray(0, start), fixed.subarray(start + size));
    }
    setStart = setEnd;
  }
  return join(content.subarray(0, start), content.subarray(start + size));
}

/** Content cut where sets begin, as far as their lengths make sense. */
function setsOf(content: Uint8Array): Uint8Array[] {
  const sets: Uint8Array[] = [];
  let start = 0;
  while (content.length - start >= 4) {
    const length = readNumber(content, start + 2, 2);
    if (length < 4 || start + length > content.length) break;
    sets.push(content.subarray(start, start + length));
    start += length;
  }
  if (start < content.length) sets.push(content.subarray(start));
  return sets;
}
