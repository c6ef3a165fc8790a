import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { DecodeError } from "../../src/ipfix/octets/decode_error.ts";
import { leaseBuffer, releaseBuffer } from "../../src/mediation/program/loop/memory.ts";
import type { SessionRewriter } from "../../src/mediation/session/session_rewriter.ts";
import { join, readNumber } from "./messages/wire.ts";

/** How {@link rewriteAll} drives a session. */
export interface Drive {
  /** Octets of the output buffer; at least 65535, as the contract says. */
  readonly outputSize?: number;
  /** Where the input is cut: how many octets have arrived before each round of calls, rising. All of it comes last. */
  readonly arrivals?: Iterable<number>;
  /** Work of each call; see {@link OctetRewriter.rewrite}. */
  readonly work?: number;
  /** The buffers lie in the rewrite loop's memory, the input at an odd address: no copy in, no copy out. */
  readonly inLoopMemory?: boolean;
  /** Goes on behind a refused message, as long as its header says where that is: what UDP does. */
  readonly skipRefused?: boolean;
}

/** What came out of a session. */
export interface Rewritten {
  /** What one call produced: goes to the socket in one write. */
  readonly writes: readonly Uint8Array[];
  /** The writes, one behind the other. */
  readonly output: Uint8Array;
  /** Octets of the input that were consumed. */
  readonly consumed: number;
  /** Octets among them of refused messages. */
  readonly skipped: number;
  /**
   * Set where a message was refused and ended it: that one begins at {@link consumed}, the error's offset counts from
   * there.
   */
  readonly error?: DecodeError;
}

const UNTOUCHED = 0xa5;
/** Octets behind the output that must stay as they are. */
const GUARD = 65536;
const untouched = new Uint8Array(GUARD).fill(UNTOUCHED);

/** Far more calls than any input of a test takes: one that goes on beyond would never end. */
const CALLS = 200_000;

/**
 * Drives a session over octets as the proxy does, and holds it to its contract on the way: whole messages in and out,
 * nothing behind the output, an end to its calls, no error but a DecodeError.
 */
export function rewriteAll(session: SessionRewriter, octets: Uint8Array, drive: Drive = {}): Rewritten {
  const leased: Uint8Array[] = [];
  const lease = (size: number) => {
    if (drive.inLoopMemory !== true) return new Uint8Array(size);
    const view = leaseBuffer(size);
    assert.ok(view !== undefined);
    leased.push(view);
    return view;
  };
  const outputSize = drive.outputSize ?? 65535;
  const guarded = lease(outputSize + GUARD);
  const buffer = guarded.subarray(0, outputSize);
  const arrivedOctets = lease(octets.length + 1).subarray(1);
  const writes: Uint8Array[] = [];
  let consumed = 0;
  let skipped = 0;
  let records = 0;
  // What the caller's last call gave out counts as sent with the first one here.
  const sentBefore = session.counters.recordsSent + session.producedRecords;
  const result = (error?: DecodeError): Rewritten => {
    assert.equal(session.counters.recordsSent - sentBefore, records, "recordsSent is the sum of producedRecords");
    assertBalance(session);
    leased.forEach(releaseBuffer);
    return { writes, output: join(...writes), consumed, skipped, ...(error === undefined ? {} : { error }) };
  };
  let calls = 0;
  for (const arrived of [...(drive.arrivals ?? []), octets.length]) {
    while (true) {
      assert.ok(++calls < CALLS, "no end of calls");
      guarded.fill(UNTOUCHED);
      const input = arrivedOctets.subarray(0, arrived - consumed);
      input.set(octets.subarray(consumed, arrived));
      let rewritten: Uint8Array;
      try {
        rewritten = session.rewrite(input, buffer, drive.work);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        assert.deepEqual([session.consumed, session.produced], [0, 0], "nothing of a broken message goes out");
        assert.ok(error.offset >= 0 && error.offset <= input.length, `offset ${error.offset} of ${input.length}`);
        const length = drive.skipRefused === true ? wholeMessage(input) : 0;
        if (length === 0) return result(error);
        consumed += length;
        skipped += length;
        continue;
      }
      assert.ok(same(input, octets.subarray(consumed, arrived)), "the input is left as it was");
      const { consumed: taken, produced } = session;
      assert.ok(taken >= 0 && taken <= input.length, `consumed ${taken} of ${input.length}`);
      assert.ok(produced >= 0 && produced <= buffer.length, `produced ${produced} of ${buffer.length}`);
      const rest = guarded.subarray(outputSize);
      assert.ok(same(rest, untouched.subarray(0, rest.length)), "nothing is written past the output's end");
      if (produced > 0) {
        assert.equal(rewritten.length, produced);
        writes.push(rewritten.slice());
        records += session.producedRecords;
      }
      consumed += taken;
      if (taken === 0 && produced === 0 && !session.unfinished) break;
    }
  }
  return result();
}

/** Every record that was received is in one place, and in no more than one. */
export function assertBalance(session: SessionRewriter): void {
  const { recordsReceived, recordsSent, recordsDropped } = session.counters;
  const dropped = [...recordsDropped.values()].reduce((sum, count) => sum + count, 0);
  const { heldRecords, recordsInHand } = session;
  assert.equal(
    recordsSent + dropped + heldRecords + recordsInHand,
    recordsReceived,
    `${recordsSent} sent + ${dropped} dropped + ${heldRecords} held + ${recordsInHand} in hand`,
  );
}

/** Octets of the message at the start, where all of it is there. */
function wholeMessage(octets: Uint8Array): number {
  if (octets.length < 16 || readNumber(octets, 0, 2) !== 10) return 0;
  const length = readNumber(octets, 2, 2);
  return length >= 16 && length <= octets.length ? length : 0;
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
