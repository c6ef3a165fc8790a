import assert from "node:assert/strict";
import { DecodeError } from "../../src/ipfix/decode_error.ts";
import type { SessionRewriter } from "../../src/mediation/session_rewriter.ts";
import { join } from "./wire.ts";

/** How {@link rewriteAll} drives a session. */
export interface Drive {
  /** Octets of the output buffer; at least 65535, as the contract says. */
  readonly outputSize?: number;
  /** Where the input is cut: how many octets have arrived before each round of calls, rising. All of it comes last. */
  readonly arrivals?: Iterable<number>;
}

/** What came out of a session. */
export interface Rewritten {
  /** What one call produced: goes to the socket in one write. */
  readonly writes: readonly Uint8Array[];
  /** The writes, one behind the other. */
  readonly output: Uint8Array;
  /** Octets of the input that were consumed. */
  readonly consumed: number;
  /** Set where a message was refused: it begins at {@link consumed}, the error's offset counts from there. */
  readonly error?: DecodeError;
}

const UNTOUCHED = 0xa5;

/**
 * Drives a session over octets as the proxy does, and holds it to its contract on the way: whole messages in and out, nothing
 * behind what it produced, an end to its calls, no error but a DecodeError.
 */
export function rewriteAll(session: SessionRewriter, octets: Uint8Array, drive: Drive = {}): Rewritten {
  const buffer = new Uint8Array(drive.outputSize ?? 65535);
  const writes: Uint8Array[] = [];
  let consumed = 0;
  let records = 0;
  const sentBefore = session.counters.recordsSent;
  const result = (error?: DecodeError): Rewritten => {
    assert.equal(session.counters.recordsSent - sentBefore, records, "recordsSent is the sum of producedRecords");
    return { writes, output: join(...writes), consumed, ...(error === undefined ? {} : { error }) };
  };
  for (const arrived of [...(drive.arrivals ?? []), octets.length]) {
    while (true) {
      buffer.fill(UNTOUCHED);
      const input = octets.slice(consumed, arrived);
      const before = input.slice();
      try {
        session.rewrite(input, buffer);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        assert.ok(error.offset >= 0 && error.offset <= input.length, `offset ${error.offset} of ${input.length}`);
        return result(error);
      }
      assert.deepEqual(input, before, "the input is left as it was");
      const { consumed: taken, produced } = session;
      assert.ok(taken >= 0 && taken <= input.length, `consumed ${taken} of ${input.length}`);
      assert.ok(produced >= 0 && produced <= buffer.length, `produced ${produced} of ${buffer.length}`);
      assert.ok(
        buffer.subarray(produced).every((octet) => octet === UNTOUCHED),
        "the output is untouched past produced",
      );
      if (produced > 0) {
        writes.push(buffer.slice(0, produced));
        records += session.producedRecords;
      }
      consumed += taken;
      if (taken === 0 && produced === 0) break;
    }
  }
  return result();
}
