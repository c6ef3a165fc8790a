// The rewrite loop: AssemblyScript, compiled to rewrite_loop.wasm by build.ts. It knows messages, data sets and rewrite programs,
// nothing of elements, plugins or dialects; ../rewrite_program.ts says what a program's words mean. All integers that it shares with
// TypeScript are 32-bit words unless said otherwise. It never reads outside [input, inputEnd) nor writes outside [output, outputEnd):
// `walk` checks every length, and nothing is emitted before its largest size (PROGRAM_GROWTH) is known to fit. Every record takes at
// least one octet (PROGRAM_SMALLEST is never 0), so every loop ends.

// Statuses, as in rewrite_loop.ts.
const NEEDS_INPUT: u32 = 0;
const GENERAL: u32 = 1;
const OUTPUT_FULL: u32 = 2;

// Words of a program's header.
const PROGRAM_SMALLEST: usize = 0;
const PROGRAM_FLAGS: usize = 4;
const PROGRAM_EMIT: usize = 8;
const PROGRAM_GROWTH: usize = 12;
const PROGRAM_HEADER: usize = 16;
const FLAG_IDENTITY: u32 = 1;
const FLAG_KEEP_PADDING: u32 = 2;

// Emit operations.
const END: u32 = 0;
const COPY: u32 = 1;
const CONSTANT: u32 = 2;
const WIDEN_UNSIGNED: u32 = 3;
const WIDEN_SIGNED: u32 = 4;
const WIDEN_FLOAT: u32 = 5;
const TO_VARIABLE: u32 = 6;
const SECONDS_TO_MILLISECONDS: u32 = 7;
const COUNT_OCTETS: u32 = 8;
const COUNT_VARIABLE: u32 = 9;
const COUNT_TRUE: u32 = 10;

// Words of the result block.
const RESULT_CONSUMED: usize = 0;
const RESULT_PRODUCED: usize = 4;
const RESULT_RECORDS: usize = 8;
const RESULT_MESSAGES: usize = 12;

// Words of a session block.
const SESSION_MAX_MESSAGES: usize = 0;
const SESSION_MAX_LENGTH: usize = 4;
const SESSION_ROUTES: usize = 8;
const SESSION_ROUTE_MASK: usize = 12;
const SESSION_COUNTING: usize = 16;

// Words of a route: one template of one session.
const ROUTE_DOMAIN: usize = 0;
const ROUTE_SET: usize = 4;
const ROUTE_PROGRAM: usize = 8;
const ROUTE_COUNTERS: usize = 12;
const ROUTE_TARGET: usize = 16;
const ROUTE_SEQUENCE: usize = 20;
const ROUTE_SIZE: usize = 24;

// Words of a sequence block: one observation domain of one session.
const SEQUENCE_KNOWN: usize = 0;
const SEQUENCE_PREVIOUS: usize = 4;
const SEQUENCE_NEXT: usize = 8;
const SEQUENCE_MANNER: usize = 12;
const SEQUENCE_COUNTED: usize = 16;
const SEQUENCE_COUNT: usize = 20;
const SEQUENCE_GAPS: usize = 24;
const MANNER_EXCLUSIVE: u32 = 1;
const MANNER_INCLUSIVE: u32 = 2;

// A template has at most 16,383 fields (RFC 7011 §3.4.1: 4 octets each in a set of 65,535), hence so many boundaries and one.
const SLOTS: usize = memory.data(16384 * 4, 16);
const RESULT: usize = memory.data(16, 16);

export function resultBlock(): usize {
  return RESULT;
}

/** The first octet that TypeScript may give away. */
export function heapStart(): usize {
  return __heap_base;
}

// @ts-ignore: decorator
@inline
function read16(pointer: usize): u32 {
  return <u32> bswap<u16>(load<u16>(pointer));
}

// @ts-ignore: decorator
@inline
function slot(index: u32): usize {
  return load<u32>(SLOTS + (<usize> index << 2));
}

// @ts-ignore: decorator
@inline
function move(to: usize, from: usize, length: usize): void {
  if (length > 32) {
    memory.copy(to, from, length);
    return;
  }
  while (length >= 8) {
    store<u64>(to, load<u64>(from));
    to += 8;
    from += 8;
    length -= 8;
  }
  while (length > 0) {
    store<u8>(to++, load<u8>(from++));
    --length;
  }
}

/** Notes the boundaries of one record; gives its end, or 0 where it overruns. */
function walk(program: usize, pointer: usize, end: usize): usize {
  const last = program + load<u32>(program, PROGRAM_EMIT);
  let mark = SLOTS;
  store<u32>(mark, <u32> pointer);
  for (let step = program + PROGRAM_HEADER; step < last; step += 8) {
    pointer += load<u32>(step);
    for (let variable = load<u32>(step, 4); variable > 0; --variable) {
      if (pointer >= end) return 0;
      const length: usize = load<u8>(pointer);
      if (length < 255) {
        pointer += 1 + length;
      } else {
        if (pointer + 3 > end) return 0;
        pointer += 3 + <usize> read16(pointer + 1);
      }
    }
    if (pointer > end) return 0;
    mark += 4;
    store<u32>(mark, <u32> pointer);
  }
  return pointer;
}

/** Puts the record whose boundaries stand in the slots at `out`, where it is known to fit; gives its end. */
function emit(program: usize, out: usize, counters: usize): usize {
  let operation = program + load<u32>(program, PROGRAM_EMIT);
  while (true) {
    const code = load<u32>(operation);
    if (code == COPY) {
      const from = slot(load<u32>(operation, 4));
      const length = slot(load<u32>(operation, 8)) - from;
      move(out, from, length);
      out += length;
      operation += 12;
    } else if (code == CONSTANT) {
      const length: usize = load<u32>(operation, 8);
      move(out, program + load<u32>(operation, 4), length);
      out += length;
      operation += 12;
    } else if (code == COUNT_VARIABLE) {
      const pointer = slot(load<u32>(operation, 4));
      const length: u32 = load<u8>(pointer);
      if (counters != 0 && (length == 255 ? read16(pointer + 1) : length) != 0) count(counters + load<u32>(operation, 8));
      operation += 12;
    } else if (code == COUNT_OCTETS) {
      let pointer = slot(load<u32>(operation, 4));
      const end = slot(load<u32>(operation, 8));
      while (pointer < end && load<u8>(pointer) == 0) ++pointer;
      if (counters != 0 && pointer < end) count(counters + load<u32>(operation, 12));
      operation += 16;
    } else if (code == COUNT_TRUE) {
      if (counters != 0 && load<u8>(slot(load<u32>(operation, 4))) == 1) count(counters + load<u32>(operation, 8));
      operation += 12;
    } else if (code == WIDEN_UNSIGNED || code == WIDEN_SIGNED) {
      const from = slot(load<u32>(operation, 4));
      const length: usize = load<u32>(operation, 8);
      const wanted: usize = load<u32>(operation, 12);
      const negative = code == WIDEN_SIGNED && (load<u8>(from) & 0x80) != 0;
      memory.fill(out, negative ? 0xff : 0, wanted - length);
      move(out + wanted - length, from, length);
      out += wanted;
      operation += 16;
    } else if (code == WIDEN_FLOAT) {
      const narrow = reinterpret<f32>(bswap<u32>(load<u32>(slot(load<u32>(operation, 4)))));
      store<u64>(out, bswap<u64>(reinterpret<u64>(<f64> narrow)));
      out += 8;
      operation += 8;
    } else if (code == TO_VARIABLE) {
      const from = slot(load<u32>(operation, 4));
      const length: usize = load<u32>(operation, 8);
      if (length < 255) {
        store<u8>(out++, <u8> length);
      } else {
        store<u8>(out, 255);
        store<u16>(out, bswap<u16>(<u16> length), 1);
        out += 3;
      }
      move(out, from, length);
      out += length;
      operation += 12;
    } else if (code == SECONDS_TO_MILLISECONDS) {
      store<u64>(out, bswap<u64>(<u64> bswap<u32>(load<u32>(slot(load<u32>(operation, 4)))) * 1000));
      out += 8;
      operation += 8;
    } else {
      return out;
    }
  }
}

// @ts-ignore: decorator
@inline
function count(counter: usize): void {
  store<u64>(counter, load<u64>(counter) + 1);
}

function findRoute(session: usize, domain: u32, set: u32): usize {
  const routes: usize = load<u32>(session, SESSION_ROUTES);
  const mask = load<u32>(session, SESSION_ROUTE_MASK);
  let index = (domain * 0x9e3779b1 + set * 0x85ebca6b) >> 7;
  while (true) {
    const route = routes + <usize> (index & mask) * ROUTE_SIZE;
    const found = load<u32>(route, ROUTE_SET);
    if (found == set && load<u32>(route, ROUTE_DOMAIN) == domain) return route;
    if (found == 0) return 0;
    ++index;
  }
}

/**
 * Follows the exporter's own sequence numbers: learns whether they count the message's own records (go-ipfix up to v0.13) and counts gaps.
 * Gives how many it found, 0 or 1.
 */
export function followSequence(block: usize, received: u32, records: u32): u32 {
  let gap: u32 = 0;
  if (load<u32>(block, SEQUENCE_KNOWN) != 0) {
    const exclusive = received == load<u32>(block, SEQUENCE_NEXT);
    const inclusive = received == load<u32>(block, SEQUENCE_PREVIOUS) + records;
    if (exclusive != inclusive) store<u32>(block, exclusive ? MANNER_EXCLUSIVE : MANNER_INCLUSIVE, SEQUENCE_MANNER);
    else if (!exclusive) gap = 1;
  } else {
    store<u32>(block, 1, SEQUENCE_KNOWN);
  }
  store<u32>(block, received, SEQUENCE_PREVIOUS);
  store<u32>(block, received + records, SEQUENCE_NEXT);
  if (gap != 0) store<u32>(block, load<u32>(block, SEQUENCE_GAPS) + 1, SEQUENCE_GAPS);
  return gap;
}

/**
 * The way of nearly all messages: one data set of one known template each, whose output fits. Stops before the first message
 * that is anything else (GENERAL) and leaves that one untouched for TypeScript.
 */
export function rewriteMessages(session: usize, input: usize, inputEnd: usize, output: usize, outputEnd: usize): u32 {
  const maxMessages = load<u32>(session, SESSION_MAX_MESSAGES);
  const maxLength: usize = load<u32>(session, SESSION_MAX_LENGTH);
  const counting = load<u32>(session, SESSION_COUNTING) != 0;
  let pointer = input;
  let out = output;
  let records: u32 = 0;
  let messages: u32 = 0;
  let status = NEEDS_INPUT;
  while (true) {
    const available = inputEnd - pointer;
    if (available < 4) {
      if (available >= 2 && read16(pointer) != 10) status = GENERAL;
      break;
    }
    const length: usize = read16(pointer + 2);
    if (read16(pointer) != 10 || length < 16) {
      status = GENERAL;
      break;
    }
    if (available < length) break;
    if (messages == maxMessages) {
      status = OUTPUT_FULL;
      break;
    }
    if (length < 20) {
      status = GENERAL;
      break;
    }
    const set = read16(pointer + 16);
    if (set < 256 || <usize> read16(pointer + 18) + 16 != length) {
      status = GENERAL;
      break;
    }
    const route = findRoute(session, load<u32>(pointer, 12), set);
    if (route == 0) {
      status = GENERAL;
      break;
    }
    const program: usize = load<u32>(route, ROUTE_PROGRAM);
    const limit = min<usize>(out + maxLength, outputEnd);
    const end = pointer + length;
    const smallest: usize = load<u32>(program, PROGRAM_SMALLEST);
    const flags = load<u32>(program, PROGRAM_FLAGS);
    const counters: usize = counting ? <usize> load<u32>(route, ROUTE_COUNTERS) : 0;
    let record = pointer + 20;
    let next = out + 20;
    let found: u32 = 0;
    // What may need splitting is TypeScript's, once the output is empty; nothing is emitted that might not fit.
    const growth = <usize> load<u32>(program, PROGRAM_GROWTH) * ((length - 20) / smallest);
    if (out + length + growth > limit) {
      status = messages == 0 ? GENERAL : OUTPUT_FULL;
      break;
    }
    if (flags & FLAG_IDENTITY) {
      while (end - record >= smallest) {
        record = walk(program, record, end);
        if (record == 0) break;
        ++found;
      }
      if (record != 0) {
        const kept: usize = flags & FLAG_KEEP_PADDING ? length : record - pointer;
        memory.copy(out, pointer, kept);
        next = out + kept;
      }
    } else {
      while (end - record >= smallest) {
        record = walk(program, record, end);
        if (record == 0) break;
        next = emit(program, next, counters);
        ++found;
      }
      if (record != 0) memory.copy(out, pointer, 16);
    }
    // A broken set and one without records are TypeScript's as well.
    if (record == 0 || found == 0) {
      status = GENERAL;
      break;
    }
    if (counters != 0) store<u64>(counters, load<u64>(counters) + <u64> found);
    store<u16>(out, bswap<u16>(<u16> (next - out)), 2);
    store<u16>(out, bswap<u16>(<u16> load<u32>(route, ROUTE_TARGET)), 16);
    store<u16>(out, bswap<u16>(<u16> (next - out - 16)), 18);
    const sequence: usize = load<u32>(route, ROUTE_SEQUENCE);
    followSequence(sequence, bswap<u32>(load<u32>(pointer, 8)), found);
    if (load<u32>(sequence, SEQUENCE_COUNTED) != 0) {
      const before = load<u32>(sequence, SEQUENCE_COUNT);
      const inclusive = load<u32>(sequence, SEQUENCE_MANNER) == MANNER_INCLUSIVE;
      store<u32>(out, bswap<u32>(inclusive ? before + found : before), 8);
      store<u32>(sequence, before + found, SEQUENCE_COUNT);
    }
    records += found;
    ++messages;
    pointer = end;
    out = next;
  }
  store<u32>(RESULT, <u32> (pointer - input), RESULT_CONSUMED);
  store<u32>(RESULT, <u32> (out - output), RESULT_PRODUCED);
  store<u32>(RESULT, records, RESULT_RECORDS);
  store<u32>(RESULT, messages, RESULT_MESSAGES);
  return status;
}

/** Walks the records of one data set's content: RESULT_RECORDS of them in RESULT_CONSUMED octets; 0 where one overruns, else 1. */
export function walkRecords(program: usize, input: usize, inputEnd: usize): u32 {
  const smallest: usize = load<u32>(program, PROGRAM_SMALLEST);
  let record = input;
  let found: u32 = 0;
  let whole: u32 = 1;
  while (inputEnd - record >= smallest) {
    const next = walk(program, record, inputEnd);
    if (next == 0) {
      whole = 0;
      break;
    }
    record = next;
    ++found;
  }
  store<u32>(RESULT, <u32> (record - input), RESULT_CONSUMED);
  store<u32>(RESULT, found, RESULT_RECORDS);
  return whole;
}

/**
 * Rewrites records that walkRecords has seen whole, for as long as their output fits. A record whose largest size would not fit is
 * first put into `scratch` (twice the largest message), so that the answer is exact. RESULT_CONSUMED, RESULT_PRODUCED, RESULT_RECORDS.
 */
export function rewriteRecords(
  program: usize,
  counters: usize,
  input: usize,
  inputEnd: usize,
  output: usize,
  outputEnd: usize,
  scratch: usize,
): void {
  const growth: usize = load<u32>(program, PROGRAM_GROWTH);
  const smallest: usize = load<u32>(program, PROGRAM_SMALLEST);
  let record = input;
  let out = output;
  let found: u32 = 0;
  while (inputEnd - record >= smallest) {
    const next = walk(program, record, inputEnd);
    if (next == 0) break;
    if (out + (next - record) + growth <= outputEnd) {
      out = emit(program, out, counters);
    } else {
      const length = emit(program, scratch, 0) - scratch;
      if (out + length > outputEnd) break;
      memory.copy(out, scratch, length);
      out += length;
      if (counters != 0) emit(program, scratch, counters);
    }
    record = next;
    ++found;
  }
  if (counters != 0) store<u64>(counters, load<u64>(counters) + <u64> found);
  store<u32>(RESULT, <u32> (record - input), RESULT_CONSUMED);
  store<u32>(RESULT, <u32> (out - output), RESULT_PRODUCED);
  store<u32>(RESULT, found, RESULT_RECORDS);
}

/** Octets of the record that begins at `input`; 0 where it overruns. */
export function recordLength(program: usize, input: usize, inputEnd: usize): u32 {
  const end = walk(program, input, inputEnd);
  return end == 0 ? 0 : <u32> (end - input);
}
