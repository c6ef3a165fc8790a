/** Messages for the tests of this room, and what a collector reads of them. Light: processes of tests start with it. */
import { writeMessageHeader } from "../../../src/ipfix/message/message_header.ts";

export { join } from "../messages/wire.ts";

/** The template id of all messages made here. */
export const TEMPLATE = 256;

/** A message of one template (one field of variable length). */
export function templateMessage(observationDomainId = 1): Uint8Array {
  return message(0, observationDomainId, [0, 2, 0, 12, 1, 0, 0, 1, 0, 82, 0xff, 0xff]);
}

/** A message of one data record that carries the number, in so many octets. */
export function dataMessage(number: number, octets = 64, observationDomainId = 1): Uint8Array {
  const set = new Uint8Array(octets - 16);
  const view = new DataView(set.buffer);
  view.setUint16(0, TEMPLATE);
  view.setUint16(2, set.length);
  view.setUint32(8, number);
  return message(number, observationDomainId, set);
}

function message(sequenceNumber: number, observationDomainId: number, sets: ArrayLike<number>): Uint8Array {
  const octets = new Uint8Array(16 + sets.length);
  writeMessageHeader(octets, 0, {
    version: 10,
    length: octets.length,
    exportTime: 0,
    sequenceNumber,
    observationDomainId,
  });
  octets.set(sets, 16);
  return octets;
}

/** What a collector reads of messages made here: `template`, or a record's number. */
export interface Received {
  readonly sequenceNumber: number;
  readonly record: number | "template";
}

/** Cuts what a collector received into messages; the rest of one that is not whole comes back too. */
export function receivedMessages(octets: Uint8Array): { messages: Received[]; rest: number } {
  const messages: Received[] = [];
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  let start = 0;
  while (octets.length - start >= 16 && octets.length - start >= view.getUint16(start + 2)) {
    const record = view.getUint16(start + 16) === 2 ? "template" : view.getUint32(start + 24);
    messages.push({ sequenceNumber: view.getUint32(start + 8), record });
    start += view.getUint16(start + 2);
  }
  return { messages, rest: octets.length - start };
}
