// The rewrite loop: AssemblyScript, compiled to rewrite_loop.wasm by build.ts. It knows messages, data sets and rewrite programs,
// nothing of elements, plugins or dialects; ../rewrite_program.ts says what a program's words mean. All integers that it shares with
// TypeScript are 32-bit words unless said otherwise. It never takes anything from outside [input, inputEnd) nor gives anything outside
// [output, outputEnd): every length is checked against the end of its message, and no record is begun before its largest size
// (PROGRAM_GROWTH) is known to fit. Every record takes at least one octet (PROGRAM_SMALLEST is never 0), so every loop ends.
//
// What is kept is moved in spans: `run` is where the octets begin that are read but not moved yet. A span reaches from one cut or
// constant to the next, over the ends of records and of messages.

// Statuses, as in rewrite_loop.ts.
const NEEDS_INPUT: u32 = 0;
const GENERAL: u32 = 1;
const OUTPUT_FULL: u32 = 2;

// Words of a program's header.
const PROGRAM_SMALLEST: usize = 0;
const PROGRAM_FLAGS: usize = 4;
const PROGRAM_REWRITE: usize = 8;
const PROGRAM_GROWTH: usize = 12;
const PROGRAM_HEADER: usize = 16;
const FLAG_IDENTITY: u32 = 1;
const FLAG_KEEP_PADDING: u32 = 2;
const FLAG_KEEP_VALUES: u32 = 4;

// Operations, eight octets each: code (8 bits), operand a (24 bits), operand b (32 bits).
const END: u32 = 0;
const ADVANCE: u32 = 1;
const FLUSH: u32 = 2;
const SKIP: u32 = 3;
const CONSTANT: u32 = 4;
const CUT_VARIABLE: u32 = 5;
const CUT_OCTETS: u32 = 6;
const CUT_TRUE: u32 = 7;
const MARK: u32 = 8;
const COPY: u32 = 9;
const WIDEN_UNSIGNED: u32 = 10;
const WIDEN_SIGNED: u32 = 11;
const WIDEN_FLOAT: u32 = 12;
const TO_VARIABLE: u32 = 13;
const SECONDS_TO_MILLISECONDS: u32 = 14;
const KEEP_VARIABLE: u32 = 15;
const KEEP_OCTETS: u32 = 16;

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
/** SEQUENCE_KNOWN: how many records came is known of the last message, or not. */
const KNOWN: u32 = 1;
const UNCERTAIN: u32 = 2;

// A template has at most 16,383 fields (RFC 7011 §3.4.1: 4 octets each in a set of 65,535), hence so many boundaries and one.
const SLOTS: usize = memory.data(16384 * 4, 16);
const RESULT: usize = memory.data(16, 16);

/** Octets of a lost value that are kept, as in rewrite_program.ts. */
const VALUE_LENGTH: usize = 64;

/** Octets by which a move may write past its end, before the next one overwrites them: it goes in steps of 16. */
const OVERSHOOT: usize = 15;

// Where a record's rewriting has come to, between two calls of `rewriteRecord`.
let run: usize = 0;
let out: usize = 0;
/** What a counter is changed by: -1 takes back what a message counted that turned out to be broken. */
let step: u64 = 1;

export function resultBlock(): usize {
  return RESULT;
}

/** The first octet that TypeScript may give away. The last 64 of the memory are not: a move may read past its end. */
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

/** May write up to OVERSHOOT octets more. */
// @ts-ignore: decorator
@inline
function move(to: usize, from: usize, length: usize): void {
  if (length > 512) {
    memory.copy(to, from, length);
  } else {
    const end = to + length;
    while (to < end) {
      v128.store(to, v128.load(from));
      to += 16;
      from += 16;
    }
  }
}

/** Where the record that begins at `pointer` ends, or 0 where it overruns. */
function walk(program: usize, pointer: usize, end: usize): usize {
  const last = program + load<u32>(program, PROGRAM_REWRITE);
  for (let step = program + PROGRAM_HEADER; step < last; step += 8) {
    pointer += load<u32>(step);
    for (let variable = load<u32>(step, 4); variable > 0; --variable) {
      if (pointer >= end) return 0;
      const length: usize = load<u8>(pointer);
      // Apart from the addition: the next length waits for that one only.
      ++pointer;
      if (length < 255) {
        pointer += length;
      } else {
        if (pointer + 2 > end) return 0;
        pointer += 2 + <usize> read16(pointer);
      }
    }
    if (pointer > end) return 0;
  }
  return pointer;
}

// @ts-ignore: decorator
@inline
function count(counters: usize, offset: u32): void {
  store<u64>(counters + offset, load<u64>(counters + offset) + step);
}

/** As {@link count}; the 16 bits above the count keep the length of the value, for as long as anything is counted. */
// @ts-ignore: decorator
@inline
function countLength(counters: usize, offset: u32, length: usize): void {
  const total = (load<u64>(counters + offset) + step) & 0xffffffffffff;
  store<u64>(counters + offset, total == 0 ? 0 : total | (<u64> length << 48));
}

/** Keeps the beginning of the field of variable length at `pointer`, where the cut that comes next counts it. */
function keepVariable(to: usize, pointer: usize, end: usize): void {
  if (pointer >= end) return;
  let length: usize = load<u8>(pointer++);
  if (length == 255) {
    if (pointer + 2 > end) return;
    length = read16(pointer);
    pointer += 2;
  }
  if (length != 0 && pointer + length <= end) memory.copy(to, pointer, min<usize>(length, VALUE_LENGTH));
}

/** The same for a field of this length. */
function keepOctets(to: usize, pointer: usize, length: usize, end: usize): void {
  if (pointer + length > end) return;
  let at: usize = 0;
  while (at < length && load<u8>(pointer + at) == 0) ++at;
  if (at < length) memory.copy(to, pointer, min<usize>(length, VALUE_LENGTH));
}

/** Rewrites the record at `pointer` from `run` to `out`; gives its end, or 0 where it overruns. */
function rewriteRecord(program: usize, pointer: usize, end: usize, counters: usize): usize {
  let operation = program + load<u32>(program, PROGRAM_REWRITE);
  let from = run;
  let to = out;
  while (true) {
    const word = load<u64>(operation);
    const a = <u32> word >> 8;
    const b = <u32> (word >> 32);
    operation += 8;
    switch (<u32> word & 0xff) {
      case ADVANCE: {
        // As in `walk`; one inlined function for both costs 3 ns a record of 57.
        pointer += b;
        for (let variable = a; variable > 0; --variable) {
          if (pointer >= end) return 0;
          const length: usize = load<u8>(pointer);
          // Apart from the addition: the next length waits for that one only.
          ++pointer;
          if (length < 255) {
            pointer += length;
          } else {
            if (pointer + 2 > end) return 0;
            pointer += 2 + <usize> read16(pointer);
          }
        }
        if (pointer > end) return 0;
        break;
      }
      case FLUSH: {
        move(to, from, pointer - from);
        to += pointer - from;
        from = pointer;
        break;
      }
      case SKIP: {
        from = pointer;
        break;
      }
      case CONSTANT: {
        move(to, from, pointer - from);
        to += pointer - from;
        from = pointer;
        move(to, program + b, a);
        to += a;
        break;
      }
      case CUT_VARIABLE: {
        move(to, from, pointer - from);
        to += pointer - from;
        if (pointer >= end) return 0;
        let length: usize = load<u8>(pointer++);
        if (length == 255) {
          if (pointer + 2 > end) return 0;
          length = read16(pointer);
          pointer += 2;
        }
        if (length != 0) {
          if (counters != 0) countLength(counters, a, length);
          pointer += length;
          if (pointer > end) return 0;
        }
        from = pointer;
        break;
      }
      case CUT_OCTETS: {
        move(to, from, pointer - from);
        to += pointer - from;
        from = pointer + b;
        if (from > end) return 0;
        while (pointer < from && load<u8>(pointer) == 0) ++pointer;
        if (counters != 0 && pointer < from) count(counters, a);
        pointer = from;
        break;
      }
      case CUT_TRUE: {
        move(to, from, pointer - from);
        to += pointer - from;
        if (pointer >= end) return 0;
        if (counters != 0 && load<u8>(pointer) == 1) count(counters, a);
        from = ++pointer;
        break;
      }
      case KEEP_VARIABLE: {
        if (counters != 0) keepVariable(counters + a, pointer, end);
        break;
      }
      case KEEP_OCTETS: {
        if (counters != 0) keepOctets(counters + a, pointer, b, end);
        break;
      }
      case MARK: {
        store<u32>(SLOTS + (<usize> b << 2), <u32> pointer);
        break;
      }
      case COPY: {
        const first = slot(a);
        const length = slot(b) - first;
        move(to, first, length);
        to += length;
        break;
      }
      case WIDEN_UNSIGNED:
      case WIDEN_SIGNED: {
        const narrow = slot(a);
        const length: usize = b & 0xff;
        const wanted: usize = b >> 8;
        const negative = (<u32> word & 0xff) == WIDEN_SIGNED && (load<u8>(narrow) & 0x80) != 0;
        memory.fill(to, negative ? 0xff : 0, wanted - length);
        move(to + wanted - length, narrow, length);
        to += wanted;
        break;
      }
      case WIDEN_FLOAT: {
        const narrow = reinterpret<f32>(bswap<u32>(load<u32>(slot(a))));
        store<u64>(to, bswap<u64>(reinterpret<u64>(<f64> narrow)));
        to += 8;
        break;
      }
      case TO_VARIABLE: {
        if (b < 255) {
          store<u8>(to++, <u8> b);
        } else {
          store<u8>(to, 255);
          store<u16>(to, bswap<u16>(<u16> b), 1);
          to += 3;
        }
        move(to, slot(a), b);
        to += b;
        break;
      }
      case SECONDS_TO_MILLISECONDS: {
        store<u64>(to, bswap<u64>(<u64> bswap<u32>(load<u32>(slot(a))) * 1000));
        to += 8;
        break;
      }
      default: {
        run = from;
        out = to;
        return pointer;
      }
    }
  }
}

/** Takes back what records counted, from the first of a message to where it broke. */
function uncount(program: usize, record: usize, end: usize, counters: usize, scratch: usize): void {
  step = -1;
  while (record != 0 && record < end) {
    run = record;
    out = scratch;
    record = rewriteRecord(program, record, end, counters);
  }
  step = 1;
}

/** Whether all records from here on are whole. */
function isWhole(program: usize, record: usize, end: usize, smallest: usize): bool {
  while (end - record >= smallest) {
    record = walk(program, record, end);
    if (record == 0) return false;
  }
  return true;
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
 * Gives how many it found, 0 or 1. `certain`: no more records than these can have come with the message; else nothing is learnt of it.
 */
export function followSequence(block: usize, received: u32, records: u32, certain: u32): u32 {
  let gap: u32 = 0;
  const known = load<u32>(block, SEQUENCE_KNOWN);
  if (known != 0) {
    const exclusive = received == load<u32>(block, SEQUENCE_NEXT);
    const inclusive = received == load<u32>(block, SEQUENCE_PREVIOUS) + records;
    if (!exclusive && !inclusive) gap = 1;
    else if (exclusive != inclusive && known == KNOWN && certain != 0) {
      store<u32>(block, exclusive ? MANNER_EXCLUSIVE : MANNER_INCLUSIVE, SEQUENCE_MANNER);
    }
  }
  store<u32>(block, certain != 0 ? KNOWN : UNCERTAIN, SEQUENCE_KNOWN);
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
  const lastRoom = outputEnd - OVERSHOOT;
  let pointer = input;
  let records: u32 = 0;
  let messages: u32 = 0;
  let status = NEEDS_INPUT;
  run = input;
  out = output;
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
    const end = pointer + length;
    const smallest: usize = load<u32>(program, PROGRAM_SMALLEST);
    const flags = load<u32>(program, PROGRAM_FLAGS);
    const counters: usize = load<u32>(route, ROUTE_COUNTERS);
    // Where this message goes, once all that is read before it has been moved.
    const message = out + (pointer - run);
    let record = pointer + 20;
    let found: u32 = 0;
    // What may need splitting is TypeScript's, once the output is empty; nothing is begun that might not fit.
    const growth = <u64> load<u32>(program, PROGRAM_GROWTH) * ((length - 20) / smallest);
    if (<u64> message + length + growth > <u64> min<usize>(message + maxLength, lastRoom)) {
      status = messages == 0 ? GENERAL : OUTPUT_FULL;
      break;
    }
    // A count can be taken back, a value that another took the place of cannot.
    if ((flags & FLAG_KEEP_VALUES) != 0 && !isWhole(program, record, end, smallest)) {
      status = GENERAL;
      break;
    }
    if (flags & FLAG_IDENTITY) {
      while (end - record >= smallest) {
        record = walk(program, record, end);
        if (record == 0) break;
        ++found;
      }
    } else {
      while (end - record >= smallest) {
        record = rewriteRecord(program, record, end, counters);
        if (record == 0) break;
        ++found;
      }
    }
    // A broken set and one without records are TypeScript's as well.
    if (record == 0 || found == 0) {
      if (record == 0) {
        const begun = run > pointer;
        const before = begun ? pointer : run;
        const beforeOut = begun ? message : out;
        if (counters != 0 && (flags & FLAG_IDENTITY) == 0) uncount(program, pointer + 20, end, counters, message);
        run = before;
        out = beforeOut;
      }
      status = GENERAL;
      break;
    }
    if (counters != 0) store<u64>(counters, load<u64>(counters) + <u64> found);
    const sequence: usize = load<u32>(route, ROUTE_SEQUENCE);
    followSequence(sequence, bswap<u32>(load<u32>(pointer, 8)), found, 1);
    const target = load<u32>(route, ROUTE_TARGET);
    const counted = load<u32>(sequence, SEQUENCE_COUNTED) != 0;
    const padded = record < end && (flags & FLAG_KEEP_PADDING) == 0;
    if (run <= pointer && !padded && !counted && target == set) {
      // Goes out as it came: one more message of the span.
    } else {
      if (run <= pointer || padded) {
        move(out, run, record - run);
        out += record - run;
        run = padded ? end : record;
      }
      const outLength = out + (end - run) - message;
      store<u16>(message, bswap<u16>(<u16> outLength), 2);
      store<u16>(message, bswap<u16>(<u16> target), 16);
      store<u16>(message, bswap<u16>(<u16> (outLength - 16)), 18);
      if (counted) {
        const before = load<u32>(sequence, SEQUENCE_COUNT);
        const inclusive = load<u32>(sequence, SEQUENCE_MANNER) == MANNER_INCLUSIVE;
        store<u32>(message, bswap<u32>(inclusive ? before + found : before), 8);
        store<u32>(sequence, before + found, SEQUENCE_COUNT);
      }
    }
    records += found;
    ++messages;
    pointer = end;
  }
  if (run < pointer) {
    memory.copy(out, run, pointer - run);
    out += pointer - run;
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

/** Rewrites one whole record to `to`; gives the end of the output. */
function rewriteWhole(program: usize, record: usize, end: usize, to: usize, counters: usize): usize {
  if (load<u32>(program, PROGRAM_FLAGS) & FLAG_IDENTITY) {
    memory.copy(to, record, end - record);
    return to + (end - record);
  }
  run = record;
  out = to;
  rewriteRecord(program, record, end, counters);
  move(out, run, end - run);
  return out + (end - run);
}

/**
 * Rewrites records that walkRecords has seen whole, for as long as their output fits. A record whose largest size would not fit is
 * first put into `scratch`, so that the answer is exact. RESULT_CONSUMED, RESULT_PRODUCED, RESULT_RECORDS.
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
  const room: usize = load<u32>(program, PROGRAM_GROWTH) + OVERSHOOT;
  const smallest: usize = load<u32>(program, PROGRAM_SMALLEST);
  let record = input;
  let to = output;
  let found: u32 = 0;
  while (inputEnd - record >= smallest) {
    const next = walk(program, record, inputEnd);
    if (next == 0) break;
    if (to + (next - record) + room <= outputEnd) {
      to = rewriteWhole(program, record, next, to, counters);
    } else {
      const length = rewriteWhole(program, record, next, scratch, 0) - scratch;
      if (to + length > outputEnd) break;
      memory.copy(to, scratch, length);
      to += length;
      if (counters != 0) rewriteWhole(program, record, next, scratch, counters);
    }
    record = next;
    ++found;
  }
  if (counters != 0) store<u64>(counters, load<u64>(counters) + <u64> found);
  store<u32>(RESULT, <u32> (record - input), RESULT_CONSUMED);
  store<u32>(RESULT, <u32> (to - output), RESULT_PRODUCED);
  store<u32>(RESULT, found, RESULT_RECORDS);
}

/** Octets of the record that begins at `input`; 0 where it overruns. */
export function recordLength(program: usize, input: usize, inputEnd: usize): u32 {
  const end = walk(program, input, inputEnd);
  return end == 0 ? 0 : <u32> (end - input);
}
