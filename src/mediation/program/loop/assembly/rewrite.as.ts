// Rewrites records that have been walked.
//
// What is kept is moved in spans: `run` is where the octets begin that are read but not moved yet. A span reaches from
// one cut or constant to the next, over the ends of records and of messages.

import {
  CONSTANT,
  COPY,
  COUNT_ONCE,
  CUT_OCTETS,
  CUT_TRUE,
  CUT_VARIABLE,
  END,
  FLUSH,
  KEEP_OCTETS,
  KEEP_VARIABLE,
  move,
  NARROW,
  OPERATION_LENGTH,
  PROGRAM_ENTRY,
  PROGRAM_REWRITE,
  read16,
  SKIP,
  TO_VARIABLE,
  VALUE_LENGTH,
  WIDEN_FLOAT,
  WIDEN_SIGNED,
  WIDEN_UNSIGNED,
} from "./program.as";
import { LANE_END, LANE_MESSAGE, LOG_LENGTH, walkRecord } from "./walk.as";

/** The position of rewriting in the input and in the output. */
export let run: usize = 0;
export let out: usize = 0;

/** Starts rewriting from this octet of the input to that octet of the output. */
// @ts-ignore: decorator
@inline
export function moveTo(input: usize, output: usize): void {
  run = input;
  out = output;
}

// @ts-ignore: decorator
@inline
function count(counters: usize, offset: u32): void {
  store<u64>(counters + offset, load<u64>(counters + offset) + 1);
}

/** As {@link count}; the 16 bits above the count keep the length of the value. */
// @ts-ignore: decorator
@inline
function countLength(counters: usize, offset: u32, length: usize): void {
  const total = (load<u64>(counters + offset) + 1) & 0xffffffffffff;
  store<u64>(counters + offset, total | (<u64> length << 48));
}

/** Adds 1, if something was counted within the record, and takes over its length. */
function countOnce(counters: usize, within: u32, offset: u32): void {
  const found = load<u64>(counters + within);
  if (found == 0) return;
  store<u64>(counters + within, 0);
  const total = (load<u64>(counters + offset) + 1) & 0xffffffffffff;
  store<u64>(counters + offset, total | (found & ~(<u64> 0xffffffffffff)));
}

/** Keeps the first octets of the variable-length field at `place`, if the next cut counts it as lost. */
function keepVariable(to: usize, place: usize): void {
  let length: usize = load<u8>(place++);
  if (length == 255) {
    length = read16(place);
    place += 2;
  }
  if (length != 0) memory.copy(to, place, min<usize>(length, VALUE_LENGTH));
}

/** The same for a field of fixed length. */
function keepOctets(to: usize, place: usize, length: usize): void {
  if (isFilled(place, length)) memory.copy(to, place, min<usize>(length, VALUE_LENGTH));
}

/** Whether one of these octets is not 0. */
function isFilled(place: usize, length: usize): bool {
  for (const end = place + length; place < end; ++place) if (load<u8>(place) != 0) return true;
  return false;
}

/**
 * Whether the integer that begins at `place` fits in the octets from `first` on: those before only extend its sign.
 * `signs`: 1 if it is signed, plus 2 if the shorter one is.
 */
function fitsFrom(place: usize, first: usize, signs: u32): bool {
  const highestBit = (load<u8>(first) & 0x80) != 0;
  if (highestBit && signs == 2) return false;
  const fill: u32 = highestBit && signs == 3 ? 0xff : 0;
  for (; place < first; ++place) if (<u32> load<u8>(place) != fill) return false;
  return true;
}

/** Writes the last octets of an integer, or the pad value if its value does not fit in them. */
function narrow(to: usize, place: usize, a: u32, operands: usize, counters: usize): usize {
  const length: usize = a & 0xffff;
  const kept: usize = a >> 16 & 0xff;
  const first = place + length - kept;
  if (fitsFrom(place, first, a >> 24)) {
    move(to, first, kept);
  } else {
    move(to, operands + 8, kept);
    if (counters != 0) {
      count(counters, load<u32>(operands));
      const value: usize = load<u32>(operands, 4);
      if (value != 0) memory.copy(counters + value, place, min<usize>(length, VALUE_LENGTH));
    }
  }
  return to + kept;
}

/** Rewrites the whole record of this entry of the log, from `run` to `out`. */
// @ts-ignore: decorator
@inline
export function rewriteRecord(program: usize, entry: usize, counters: usize): void {
  let from = run;
  let to = out;
  for (let operation = program + load<u32>(program, PROGRAM_REWRITE);; operation += OPERATION_LENGTH) {
    const word = load<u32>(operation);
    const code = word & 0xff;
    if (code == END) break;
    const place: usize = load<u32>(entry + (word >> 8 << 2)) + load<u32>(operation, 4);
    const a = load<u32>(operation, 8);
    const b = load<u32>(operation, 12);
    switch (code) {
      case FLUSH: {
        move(to, from, place - from);
        to += place - from;
        from = place;
        break;
      }
      case SKIP: {
        from = place;
        break;
      }
      case CONSTANT: {
        move(to, from, place - from);
        to += place - from;
        from = place;
        move(to, program + b, a);
        to += a;
        break;
      }
      case CUT_VARIABLE: {
        move(to, from, place - from);
        to += place - from;
        let length: usize = load<u8>(place);
        from = place + 1;
        if (length == 255) {
          length = read16(from);
          from += 2;
        }
        if (length != 0) {
          if (counters != 0) countLength(counters, a, length);
          from += length;
        }
        break;
      }
      case CUT_OCTETS: {
        move(to, from, place - from);
        to += place - from;
        from = place + b;
        if (counters != 0 && isFilled(place, b)) count(counters, a);
        break;
      }
      case CUT_TRUE: {
        move(to, from, place - from);
        to += place - from;
        from = place + 1;
        if (counters != 0 && load<u8>(place) == 1) count(counters, a);
        break;
      }
      case KEEP_VARIABLE: {
        if (counters != 0) keepVariable(counters + a, place);
        break;
      }
      case KEEP_OCTETS: {
        if (counters != 0) keepOctets(counters + a, place, b);
        break;
      }
      case COUNT_ONCE: {
        if (counters != 0) countOnce(counters, a, b);
        break;
      }
      case COPY: {
        const length: usize = load<u32>(entry + (a << 2)) + b - place;
        move(to, place, length);
        to += length;
        break;
      }
      case WIDEN_UNSIGNED:
      case WIDEN_SIGNED: {
        const negative = code == WIDEN_SIGNED && (load<u8>(place) & 0x80) != 0;
        memory.fill(to, negative ? 0xff : 0, b - a);
        move(to + b - a, place, a);
        to += b;
        break;
      }
      case WIDEN_FLOAT: {
        const narrow = reinterpret<f32>(bswap<u32>(load<u32>(place)));
        store<u64>(to, bswap<u64>(reinterpret<u64>(<f64> narrow)));
        to += 8;
        break;
      }
      case TO_VARIABLE: {
        if (a < 255) {
          store<u8>(to++, <u8> a);
        } else {
          store<u8>(to, 255);
          store<u16>(to, bswap<u16>(<u16> a), 1);
          to += 3;
        }
        move(to, place, a);
        to += a;
        break;
      }
      case NARROW: {
        to = narrow(to, place, a, program + b, counters);
        break;
      }
      default: {
        // SECONDS_TO_MILLISECONDS
        store<u64>(to, bswap<u64>(<u64> bswap<u32>(load<u32>(place)) * 1000));
        to += 8;
      }
    }
  }
  run = from;
  out = to;
}

/** Rewrites a lane's records. */
// @ts-ignore: decorator
@inline
export function rewriteLane(lane: usize, log: usize, program: usize, found: u32, counters: usize): void {
  const entryLength: usize = load<u32>(program, PROGRAM_ENTRY);
  if (found * entryLength + 4 > LOG_LENGTH) {
    rewriteUnlogged(lane, log, program, found, counters);
    return;
  }
  for (; found > 0; --found) {
    rewriteRecord(program, log, counters);
    log += entryLength;
  }
}

/** The same for more records than the lane's log holds: each is walked again. */
function rewriteUnlogged(lane: usize, log: usize, program: usize, found: u32, counters: usize): void {
  const end: usize = load<u32>(lane, LANE_END);
  let record: usize = load<u32>(lane, LANE_MESSAGE) + 20;
  for (; found > 0; --found) {
    record = walkRecord(program, record, end, log);
    rewriteRecord(program, log, counters);
  }
}
