// The rewrite loop: AssemblyScript, compiled to rewrite_loop.wasm by build.ts. It knows messages, data sets and rewrite
// programs, nothing of elements, plugins or dialects. All integers that it shares with TypeScript are 32-bit words
// unless said otherwise. It uses nothing from outside [input, inputEnd) and writes nothing outside [output, outputEnd):
// every length is checked against the end of its message, and a message is begun only if its largest possible size
// (PROGRAM_GROWTH) fits. Every record takes at least one octet (PROGRAM_SMALLEST is never 0), so every loop ends.
//
// A record is walked first: where its variable fields begin and where it ends is noted in a log (walk.as.ts). A message
// is rewritten from that log only if all its records are whole (rewrite.as.ts). A walk has to wait for one length after
// the other, so up to four messages are walked side by side, by a function generated for their layout
// (walk_function.ts).

import {
  FLAG_IDENTITY,
  FLAG_KEEP_PADDING,
  move,
  OVERSHOOT,
  PROGRAM_MESSAGES_BEFORE_FUNCTION,
  PROGRAM_ENTRY,
  PROGRAM_FLAGS,
  PROGRAM_FUNCTION,
  PROGRAM_GROWTH,
  PROGRAM_LEADING,
  PROGRAM_SMALLEST,
  read16,
} from "./program.as";
import { moveTo, out, rewriteLane, rewriteRecord, run } from "./rewrite.as";
import { endSequence, followSequence, isCounted, nextSequenceNumber } from "./sequence.as";
import {
  LANE,
  LANE_END,
  LANE_FOUND,
  LANE_LAST,
  LANE_LENGTH,
  LANE_MESSAGE,
  LANE_PROGRAM,
  LANE_ROUTE,
  LANE_VARIABLE,
  LANES,
  LOG,
  LOG_LENGTH,
  walkAlone,
  walkRecord,
  walkTogether,
} from "./walk.as";

export { endSequence, followSequence };

// Statuses, as in rewrite_loop.ts; the last is the loop's own.
const NEEDS_INPUT: u32 = 0;
const GENERAL: u32 = 1;
const OUTPUT_FULL: u32 = 2;
const MORE: u32 = 3;

// Words of the result block.
const RESULT: usize = memory.data(32, 16);
const RESULT_CONSUMED: usize = 0;
const RESULT_PRODUCED: usize = 4;
const RESULT_RECORDS: usize = 8;
const RESULT_MESSAGES: usize = 12;
/** A program that is frequent enough for a walk function, or 0. */
const RESULT_FREQUENT_PROGRAM: usize = 16;
/** 1: the output is the input unchanged, and lies in the input buffer. */
const RESULT_RELAYED: usize = 20;

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

// What the messages gathered last have in common.
let lanes: u32 = 0;
let walker: u32 = 0;

export function resultBlock(): usize {
  return RESULT;
}

export function logLength(): usize {
  return LOG_LENGTH;
}

/** The first octet that memory.ts may allocate. */
export function heapStart(): usize {
  return __heap_base;
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
 * Takes plain messages into lanes, one a lane and at most `most`, all with the same walk function. Returns why it took
 * no more.
 */
// @ts-ignore: decorator
@inline
function gather(session: usize, pointer: usize, inputEnd: usize, most: u32): u32 {
  let lane = LANE;
  let log = LOG;
  walker = 0;
  for (lanes = 0; lanes < LANES; ++lanes) {
    const available = inputEnd - pointer;
    if (available < 4) return available >= 2 && read16(pointer) != 10 ? GENERAL : NEEDS_INPUT;
    const begin = bswap<u32>(load<u32>(pointer));
    const length: usize = begin & 0xffff;
    if (begin >> 16 != 10 || length < 16) return GENERAL;
    if (available < length) return NEEDS_INPUT;
    if (lanes == most) return OUTPUT_FULL;
    const setBegin = bswap<u32>(load<u32>(pointer, 16));
    const set = setBegin >> 16;
    if (length < 20 || set < 256 || <usize> (setBegin & 0xffff) + 16 != length) return GENERAL;
    const route = findRoute(session, load<u32>(pointer, 12), set);
    if (route == 0) return GENERAL;
    const program: usize = load<u32>(route, ROUTE_PROGRAM);
    const own = load<u32>(program, PROGRAM_FUNCTION);
    if (lanes == 0) walker = own;
    else if (own != walker) return MORE;
    const record = pointer + 20;
    store<u32>(log, <u32> record);
    store<u32>(lane, <u32> record + load<u32>(program, PROGRAM_LEADING), LANE_VARIABLE);
    store<u64>(lane, <u64> pointer | <u64> (pointer + length) << 32, LANE_MESSAGE);
    store<u64>(lane, <u64> route | <u64> program << 32, LANE_ROUTE);
    store<u64>(lane, 0, LANE_FOUND);
    pointer += length;
    lane += LANE_LENGTH;
    log += LOG_LENGTH;
  }
  return MORE;
}

/** Walks the gathered messages. Returns a program that is frequent enough for a walk function, or 0. */
// @ts-ignore: decorator
@inline
function walkGathered(): usize {
  if (lanes > 1 && walker != 0) {
    walkTogether(lanes, walker);
    return 0;
  }
  let frequentProgram: usize = 0;
  for (let lane = LANE, log = LOG, left = lanes; left > 0; --left) {
    walkAlone(lane, log);
    const program: usize = load<u32>(lane, LANE_PROGRAM);
    const messagesLeft = load<u32>(program, PROGRAM_MESSAGES_BEFORE_FUNCTION);
    if (messagesLeft > 1) store<u32>(program, messagesLeft - 1, PROGRAM_MESSAGES_BEFORE_FUNCTION);
    else if (messagesLeft == 1) frequentProgram = program;
    lane += LANE_LENGTH;
    log += LOG_LENGTH;
  }
  return frequentProgram;
}

/**
 * Writes the message of a lane whose records are whole. It goes to `message` once everything read before it has been
 * moved.
 */
// @ts-ignore: decorator
@inline
function giveOut(lane: usize, log: usize, pointer: usize, message: usize): void {
  const program: usize = load<u32>(lane, LANE_PROGRAM);
  const route: usize = load<u32>(lane, LANE_ROUTE);
  const found = load<u32>(lane, LANE_FOUND);
  const end: usize = load<u32>(lane, LANE_END);
  const flags = load<u32>(program, PROGRAM_FLAGS);
  const counters: usize = load<u32>(route, ROUTE_COUNTERS);
  if ((flags & FLAG_IDENTITY) == 0) rewriteLane(lane, log, program, found, counters);
  if (counters != 0) store<u64>(counters, load<u64>(counters) + <u64> found);
  const sequence: usize = load<u32>(route, ROUTE_SEQUENCE);
  followSequence(sequence, bswap<u32>(load<u32>(pointer, 8)), found, 1, bswap<u32>(load<u32>(pointer, 4)));
  const target = load<u32>(route, ROUTE_TARGET);
  const recordsEnd: usize = load<u32>(lane, LANE_LAST);
  const padded = recordsEnd < end && (flags & FLAG_KEEP_PADDING) == 0;
  const counted = isCounted(sequence);
  // The message is unchanged: one more message of the span.
  if (run <= pointer && !padded && !counted && target == load<u32>(route, ROUTE_SET)) return;
  if (run <= pointer || padded) {
    move(out, run, recordsEnd - run);
    moveTo(padded ? end : recordsEnd, out + (recordsEnd - run));
  }
  const length = out + (end - run) - message;
  store<u16>(message, bswap<u16>(<u16> length), 2);
  store<u32>(message, bswap<u32>(target << 16 | <u32> (length - 16)), 16);
  if (counted) store<u32>(message, bswap<u32>(nextSequenceNumber(sequence, found)), 8);
}

/**
 * Rewrites messages of one data set of one known template each, if their output fits; nearly all messages are like
 * that. Stops before the first other message (GENERAL), which it leaves untouched for TypeScript.
 */
export function rewriteMessages(session: usize, input: usize, inputEnd: usize, output: usize, outputEnd: usize): u32 {
  const maxMessages = load<u32>(session, SESSION_MAX_MESSAGES);
  const maxLength: usize = load<u32>(session, SESSION_MAX_LENGTH);
  const lastRoom = outputEnd - OVERSHOOT;
  let pointer = input;
  let records: u32 = 0;
  let messages: u32 = 0;
  let status = MORE;
  let frequentProgram: usize = 0;
  moveTo(input, output);
  while (status == MORE) {
    status = gather(session, pointer, inputEnd, maxMessages - messages);
    const found = walkGathered();
    if (found != 0) frequentProgram = found;
    let lane = LANE;
    let log = LOG;
    for (let left = lanes; left > 0; --left) {
      const program: usize = load<u32>(lane, LANE_PROGRAM);
      const end: usize = load<u32>(lane, LANE_END);
      const length = end - pointer;
      const message = out + (pointer - run);
      let growth: u64 = load<u32>(program, PROGRAM_GROWTH);
      if (growth != 0) growth *= (length - 20) / load<u32>(program, PROGRAM_SMALLEST);
      // A message that might not fit is not begun; once the output is empty, TypeScript may have to split it.
      if (<u64> message + length + growth > <u64> min<usize>(message + maxLength, lastRoom)) {
        status = messages == 0 ? GENERAL : OUTPUT_FULL;
        break;
      }
      const found = load<u32>(lane, LANE_FOUND);
      // TypeScript also handles a broken set and one without records.
      if (found == 0) {
        status = GENERAL;
        break;
      }
      giveOut(lane, log, pointer, message);
      records += found;
      ++messages;
      pointer = end;
      lane += LANE_LENGTH;
      log += LOG_LENGTH;
    }
  }
  // What TypeScript writes next follows it in the output.
  const relayed = run == input && out == output && status != GENERAL;
  if (run < pointer) {
    if (!relayed) memory.copy(out, run, pointer - run);
    moveTo(pointer, out + (pointer - run));
  }
  store<u32>(RESULT, <u32> (pointer - input), RESULT_CONSUMED);
  store<u32>(RESULT, <u32> (out - output), RESULT_PRODUCED);
  store<u32>(RESULT, records, RESULT_RECORDS);
  store<u32>(RESULT, messages, RESULT_MESSAGES);
  store<u32>(RESULT, <u32> frequentProgram, RESULT_FREQUENT_PROGRAM);
  store<u32>(RESULT, <u32> relayed, RESULT_RELAYED);
  return status;
}

/**
 * Walks the records of one data set's content: RESULT_RECORDS of them in RESULT_CONSUMED octets; 0 where one overruns,
 * else 1.
 */
export function walkRecords(program: usize, input: usize, inputEnd: usize): u32 {
  const smallest: usize = load<u32>(program, PROGRAM_SMALLEST);
  let record = input;
  let found: u32 = 0;
  let whole: u32 = 1;
  while (inputEnd - record >= smallest) {
    const next = walkRecord(program, record, inputEnd, LOG);
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

/** Rewrites the record that was walked last to `to`; returns the end of the output. */
function rewriteWalked(program: usize, to: usize, counters: usize): usize {
  moveTo(load<u32>(LOG), to);
  if ((load<u32>(program, PROGRAM_FLAGS) & FLAG_IDENTITY) == 0) rewriteRecord(program, LOG, counters);
  const length = <usize> load<u32>(LOG + <usize> load<u32>(program, PROGRAM_ENTRY)) - run;
  move(out, run, length);
  return out + length;
}

/**
 * Rewrites records that walkRecords has seen whole, for as long as their output fits. A record whose largest size would
 * not fit is first put into `scratch`, so that the answer is exact. RESULT_CONSUMED, RESULT_PRODUCED, RESULT_RECORDS.
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
    const next = walkRecord(program, record, inputEnd, LOG);
    if (next == 0) break;
    if (to + (next - record) + room <= outputEnd) {
      to = rewriteWalked(program, to, counters);
    } else {
      const length = rewriteWalked(program, scratch, 0) - scratch;
      if (to + length > outputEnd) break;
      memory.copy(to, scratch, length);
      to += length;
      if (counters != 0) rewriteWalked(program, scratch, counters);
    }
    record = next;
    ++found;
  }
  if (counters != 0) store<u64>(counters, load<u64>(counters) + <u64> found);
  store<u32>(RESULT, <u32> (record - input), RESULT_CONSUMED);
  store<u32>(RESULT, <u32> (to - output), RESULT_PRODUCED);
  store<u32>(RESULT, found, RESULT_RECORDS);
}

/** Octets of the record that begins at `input`; 0 if it overruns. */
export function recordLength(program: usize, input: usize, inputEnd: usize): u32 {
  const end = walkRecord(program, input, inputEnd, LOG);
  return end == 0 ? 0 : <u32> (end - input);
}
