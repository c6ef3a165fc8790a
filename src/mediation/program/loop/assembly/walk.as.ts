// Walks records: notes where their marked fields begin and where they end, and finds those that overrun their message.

import {
  PROGRAM_ENTRY,
  PROGRAM_HEADER,
  PROGRAM_LEADING,
  PROGRAM_REWRITE,
  PROGRAM_SMALLEST,
  PROGRAM_TRAILING,
  read16,
  STEP_MARK,
} from "./program.as";

/** Messages that are walked side by side. */
export const LANES: u32 = 4;

// Words of a lane: a message that is being taken.
export const LANE_LENGTH: usize = 32;
export const LANE_MESSAGE: usize = 0;
export const LANE_END: usize = 4;
export const LANE_ROUTE: usize = 8;
export const LANE_PROGRAM: usize = 12;
/** Its records; 0 where one of them is broken. */
export const LANE_FOUND: usize = 16;
/** Where the last of them ends; 0 while there are more. */
export const LANE_LAST: usize = 20;
/** The first field of variable length of the record that is walked next. */
export const LANE_VARIABLE: usize = 24;
export const LANE: usize = memory.data(128, 16);

// A lane's log: where a record begins, where marked fields do, where it ends and the next begins, and so on. A template
// has at most 16,383 fields (RFC 7011 §3.4.1: 4 octets each in a set of 65,535): one record has room. Not a multiple of
// a page, so that the lanes' logs do not meet in the processor's cache.
export const LOG_LENGTH: usize = 66112;
export const LOG: usize = memory.data(264448, 16);

/** Walks the record at `pointer` and notes it in the log's entry. Returns its end, or 0 if it overruns. */
export function walkRecord(program: usize, pointer: usize, end: usize, entry: usize): usize {
  const last = program + load<u32>(program, PROGRAM_REWRITE);
  store<u32>(entry, <u32> pointer);
  for (let step = program + PROGRAM_HEADER; step < last; step += 8) {
    pointer += load<u32>(step);
    const fields = load<u32>(step, 4);
    if (fields & STEP_MARK) {
      entry += 4;
      store<u32>(entry, <u32> pointer);
    }
    for (let variable = fields & ~STEP_MARK; variable > 0; --variable) {
      if (pointer >= end) return 0;
      const length: usize = load<u8>(pointer);
      // Kept apart from the addition, on which alone the next length depends.
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
  store<u32>(entry, <u32> pointer, 4);
  return pointer;
}

/** Walks a single lane's message. */
export function walkAlone(lane: usize, log: usize): void {
  const program: usize = load<u32>(lane, LANE_PROGRAM);
  const smallest: usize = load<u32>(program, PROGRAM_SMALLEST);
  const entryLength: usize = load<u32>(program, PROGRAM_ENTRY);
  const end: usize = load<u32>(lane, LANE_END);
  const lastEntry = log + LOG_LENGTH - 4 - entryLength;
  let record: usize = load<u32>(lane, LANE_MESSAGE) + 20;
  let entry = log;
  let found: u32 = 0;
  while (end - record >= smallest) {
    record = walkRecord(program, record, end, entry);
    if (record == 0) {
      found = 0;
      break;
    }
    ++found;
    entry += entryLength;
    if (entry > lastEntry) entry = log;
  }
  store<u32>(lane, found, LANE_FOUND);
  store<u32>(lane, <u32> record, LANE_LAST);
}

/** Walks the messages of the first lanes side by side; all have this function. */
export function walkTogether(lanes: u32, walker: u32): void {
  // A free lane walks the first lane's message again, which costs nothing and needs no branch.
  if (lanes < 4) store<u32>(LANE + 3 * LANE_LENGTH, load<u32>(LANE, LANE_VARIABLE), LANE_VARIABLE);
  if (lanes < 3) store<u32>(LANE + 2 * LANE_LENGTH, load<u32>(LANE, LANE_VARIABLE), LANE_VARIABLE);
  const entryLength: usize = load<u32>(load<u32>(LANE, LANE_PROGRAM), PROGRAM_ENTRY);
  const lastEntry = LOG + LOG_LENGTH - 4 - entryLength;
  let entry = LOG;
  let left = true;
  while (left) {
    const walked = entry <= lastEntry && call_indirect<u32>(
          walker,
          load<u32>(LANE, LANE_VARIABLE),
          load<u32>(LANE + LANE_LENGTH, LANE_VARIABLE),
          load<u32>(LANE + 2 * LANE_LENGTH, LANE_VARIABLE),
          load<u32>(LANE + 3 * LANE_LENGTH, LANE_VARIABLE),
          entry,
        ) != 0;
    if (!walked) break;
    entry += entryLength;
    left = takeRecord(LANE, entry);
    left = takeRecord(LANE + LANE_LENGTH, entry + LOG_LENGTH) || left;
    if (lanes > 2) left = takeRecord(LANE + 2 * LANE_LENGTH, entry + 2 * LOG_LENGTH) || left;
    if (lanes > 3) left = takeRecord(LANE + 3 * LANE_LENGTH, entry + 3 * LOG_LENGTH) || left;
  }
  if (!left) return;
  for (let lane = LANE, log = LOG; lanes > 0; --lanes) {
    if (load<u32>(lane, LANE_LAST) == 0) walkAlone(lane, log);
    lane += LANE_LENGTH;
    log += LOG_LENGTH;
  }
}

/** Notes the end of a walked record `at` this place of the log. Returns whether more records follow. */
// @ts-ignore: decorator
@inline
function takeRecord(lane: usize, at: usize): bool {
  if (load<u32>(lane, LANE_LAST) != 0) return false;
  const program: usize = load<u32>(lane, LANE_PROGRAM);
  const end = load<u32>(lane, LANE_END);
  const recordEnd = load<u32>(at) + load<u32>(program, PROGRAM_TRAILING);
  if (recordEnd > end) {
    store<u64>(lane, <u64> end << 32, LANE_FOUND);
    return false;
  }
  store<u32>(at, recordEnd);
  const found = load<u32>(lane, LANE_FOUND) + 1;
  if (end - recordEnd < load<u32>(program, PROGRAM_SMALLEST)) {
    store<u64>(lane, <u64> found | <u64> recordEnd << 32, LANE_FOUND);
    return false;
  }
  store<u32>(lane, found, LANE_FOUND);
  store<u32>(lane, recordEnd + load<u32>(program, PROGRAM_LEADING), LANE_VARIABLE);
  return true;
}
