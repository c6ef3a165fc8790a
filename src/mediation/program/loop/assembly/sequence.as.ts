// Sequence numbers (RFC 7011 §3.1): follows those of the exporter and makes those of the output.

// Words of a sequence block: one observation domain of one session.
const SEQUENCE_KNOWN: usize = 0;
const SEQUENCE_PREVIOUS: usize = 4;
const SEQUENCE_NEXT: usize = 8;
const SEQUENCE_MANNER: usize = 12;
const SEQUENCE_COUNTED: usize = 16;
const SEQUENCE_COUNT: usize = 20;
const SEQUENCE_GAPS: usize = 24;
/** Records of the message with which counting began: the manner decides whether they count as sent before it. */
const SEQUENCE_DEPARTED: usize = 28;
const MANNER_EXCLUSIVE: u32 = 1;
const MANNER_INCLUSIVE: u32 = 2;
/** SEQUENCE_KNOWN: whether the number of records in the last message is known. */
const KNOWN: u32 = 1;
const UNCERTAIN: u32 = 2;

const SEQUENCE_DATAGRAMS: usize = 32;
/** Export time of the newest message. */
const SEQUENCE_TIME: usize = 36;
/** The number that would follow the last message that came twice or far too late, if any has. */
const SEQUENCE_STRAY_KNOWN: usize = 40;
const SEQUENCE_STRAY: usize = 44;
/** Numbers at the last gap: the one expected, and the one received. */
const SEQUENCE_GAP_FROM: usize = 48;
const SEQUENCE_GAP_TO: usize = 52;
const SEQUENCE_HOLES: usize = 56;
/** Holes, the oldest first: ranges of numbers whose records have not come yet. Only over UDP. */
const HOLES: usize = 64;
const HOLE_LENGTH: usize = 16;
const MOST_HOLES: u32 = 4;
const HOLE_START: usize = 0;
const HOLE_END: usize = 4;
const HOLE_MISSING: usize = 8;
const HOLE_TIME: usize = 12;
/** The first message: it is unknown whether records are missing before it. */
const ANY: u32 = 0xffffffff;
/** SEQUENCE_DATAGRAMS: over UDP; over UDP from several ports, whose numbers do not show the exporter's manner. */
const SEVERAL_PORTS: u32 = 2;
/**
 * Seconds by the exporter's clock after which a record that has not come is lost: longer than data waits for its
 * template.
 */
const LATE_SECONDS: i32 = 10;

/**
 * Follows the exporter's own sequence numbers: learns whether they count the message's own records (go-ipfix up to
 * v0.13) and counts gaps. Returns how many it found. `certain`: no more records than these can have come with the
 * message; else nothing is learnt of it. `time`: the message's export time.
 */
export function followSequence(block: usize, received: u32, records: u32, certain: u32, time: u32): u32 {
  if (load<u32>(block, SEQUENCE_DATAGRAMS) != 0) return followDatagram(block, received, records, certain, time);
  let gap: u32 = 0;
  const known = load<u32>(block, SEQUENCE_KNOWN);
  if (known != 0) {
    const exclusive = received == load<u32>(block, SEQUENCE_NEXT);
    const inclusive = received == load<u32>(block, SEQUENCE_PREVIOUS) + records;
    if (!exclusive && !inclusive) gap = countGap(block, load<u32>(block, SEQUENCE_NEXT), received);
    else if (exclusive != inclusive && known == KNOWN && certain != 0) {
      learnManner(block, exclusive ? MANNER_EXCLUSIVE : MANNER_INCLUSIVE);
    }
  }
  goOn(block, received, records, certain, time);
  return gap;
}

/**
 * The same over UDP, where datagrams overtake each other and data waits for its template: a message of any number of
 * records may come later than the ones behind it, and in parts. What is missing is a gap once it is too late for it.
 */
function followDatagram(block: usize, received: u32, records: u32, certain: u32, time: u32): u32 {
  const known = load<u32>(block, SEQUENCE_KNOWN);
  if (known == 0) {
    addHole(block, received - 0x7fffffff, received, ANY, time);
    goOn(block, received, records, certain, time);
    return 0;
  }
  const previous = load<u32>(block, SEQUENCE_PREVIOUS);
  const next = load<u32>(block, SEQUENCE_NEXT);
  const exclusive = received == next;
  const inclusive = received == previous + records;
  const countsOwn = load<u32>(block, SEQUENCE_MANNER) == MANNER_INCLUSIVE;
  const missing = countsOwn ? received - records - previous : received - next;
  if (!exclusive && !inclusive && <i32> missing <= 0) {
    // Newer than all, with a number from before: the exporter has begun anew.
    const isNew = <i32> (time - load<u32>(block, SEQUENCE_TIME)) > 0;
    if (!isNew && fillHole(block, received, records, certain, countsOwn)) return 0;
    if (!isNew && records == 0) return 0;
    const goesOn = load<u32>(block, SEQUENCE_STRAY_KNOWN) != 0 && received == load<u32>(block, SEQUENCE_STRAY);
    const gap = goesOn ? 0 : countGap(block, next, received);
    if (isNew || goesOn) goOn(block, received, records, certain, time);
    else {
      store<u32>(block, 1, SEQUENCE_STRAY_KNOWN);
      store<u32>(block, received + records, SEQUENCE_STRAY);
    }
    return gap;
  }
  let gaps = closeHoles(block, time);
  if (exclusive != inclusive && known == KNOWN && certain != 0) {
    if (load<u32>(block, SEQUENCE_DATAGRAMS) != SEVERAL_PORTS) {
      learnManner(block, exclusive ? MANNER_EXCLUSIVE : MANNER_INCLUSIVE);
    }
  } else if (!exclusive && !inclusive && known == KNOWN) {
    gaps += addHole(block, countsOwn ? previous : next, received, missing, time);
  }
  goOn(block, received, records, certain, time);
  return gaps;
}

function goOn(block: usize, received: u32, records: u32, certain: u32, time: u32): void {
  store<u32>(block, certain != 0 ? KNOWN : UNCERTAIN, SEQUENCE_KNOWN);
  store<u32>(block, received, SEQUENCE_PREVIOUS);
  store<u32>(block, received + records, SEQUENCE_NEXT);
  if (load<u32>(block, SEQUENCE_DATAGRAMS) == 0) return;
  store<u32>(block, time, SEQUENCE_TIME);
  store<u32>(block, 0, SEQUENCE_STRAY_KNOWN);
}

/** Counts a gap. Returns 1. */
function countGap(block: usize, expected: u32, received: u32): u32 {
  store<u32>(block, load<u32>(block, SEQUENCE_GAPS) + 1, SEQUENCE_GAPS);
  store<u32>(block, expected, SEQUENCE_GAP_FROM);
  store<u32>(block, received, SEQUENCE_GAP_TO);
  return 1;
}

/** Opens a hole. If there are too many, the oldest counts as a gap. Returns the number of gaps. */
function addHole(block: usize, start: u32, end: u32, missing: u32, time: u32): u32 {
  const gaps = load<u32>(block, SEQUENCE_HOLES) == MOST_HOLES ? closeHole(block, 0) : 0;
  const count = load<u32>(block, SEQUENCE_HOLES);
  const hole = block + HOLES + count * HOLE_LENGTH;
  store<u32>(hole, start, HOLE_START);
  store<u32>(hole, end, HOLE_END);
  store<u32>(hole, missing, HOLE_MISSING);
  store<u32>(hole, time, HOLE_TIME);
  store<u32>(block, count + 1, SEQUENCE_HOLES);
  return gaps;
}

/** Fills a hole with records that have come, or may have. Returns whether there is one that they belong to. */
function fillHole(block: usize, received: u32, records: u32, certain: u32, countsOwn: bool): bool {
  const count = load<u32>(block, SEQUENCE_HOLES);
  for (let index: u32 = 0; index < count; ++index) {
    const hole = block + HOLES + index * HOLE_LENGTH;
    const beyond = <i32> (load<u32>(hole, HOLE_END) - received);
    if (beyond < 0 || (beyond == 0 && !countsOwn)) continue;
    const missing = load<u32>(hole, HOLE_MISSING);
    if (missing == ANY) return true;
    if (certain == 0 || missing <= records) removeHole(block, index);
    else store<u32>(hole, missing - records, HOLE_MISSING);
    return true;
  }
  return false;
}

/** Counts holes that have been open for too long as gaps. Returns how many. */
function closeHoles(block: usize, time: u32): u32 {
  let gaps: u32 = 0;
  while (load<u32>(block, SEQUENCE_HOLES) > 0) {
    const age = <i32> (time - load<u32>(block + HOLES, HOLE_TIME));
    if (age < LATE_SECONDS && age > -LATE_SECONDS) break;
    gaps += closeHole(block, 0);
  }
  return gaps;
}

function closeHole(block: usize, index: u32): u32 {
  const hole = block + HOLES + index * HOLE_LENGTH;
  const isGap = load<u32>(hole, HOLE_MISSING) != ANY;
  const gap = isGap ? countGap(block, load<u32>(hole, HOLE_START), load<u32>(hole, HOLE_END)) : 0;
  removeHole(block, index);
  return gap;
}

function removeHole(block: usize, index: u32): void {
  const left = load<u32>(block, SEQUENCE_HOLES) - 1;
  for (let to = block + HOLES + index * HOLE_LENGTH; index < left; ++index, to += HOLE_LENGTH) {
    memory.copy(to, to + HOLE_LENGTH, HOLE_LENGTH);
  }
  store<u32>(block, left, SEQUENCE_HOLES);
}

/** Counts all open holes as gaps. Returns how many. */
export function endSequence(block: usize): u32 {
  let gaps: u32 = 0;
  while (load<u32>(block, SEQUENCE_DATAGRAMS) != 0 && load<u32>(block, SEQUENCE_HOLES) > 0) gaps += closeHole(block, 0);
  return gaps;
}

/**
 * Notes the exporter's manner. What is counted began at the exporter's own number; if that turns out to have included
 * the records of its message, or not to have, that many fewer or more were sent before.
 */
function learnManner(block: usize, manner: u32): void {
  const wasInclusive = load<u32>(block, SEQUENCE_MANNER) == MANNER_INCLUSIVE;
  store<u32>(block, manner, SEQUENCE_MANNER);
  if (wasInclusive == (manner == MANNER_INCLUSIVE)) return;
  const count = load<u32>(block, SEQUENCE_COUNT);
  const departed = load<u32>(block, SEQUENCE_DEPARTED);
  store<u32>(block, wasInclusive ? count + departed : count - departed, SEQUENCE_COUNT);
}

/** Whether the output has numbers of its own instead of the exporter's. */
// @ts-ignore: decorator
@inline
export function isCounted(block: usize): bool {
  return load<u32>(block, SEQUENCE_COUNTED) != 0;
}

/** Returns the number of an outgoing message with this many records. */
export function nextSequenceNumber(block: usize, records: u32): u32 {
  const before = load<u32>(block, SEQUENCE_COUNT);
  store<u32>(block, before + records, SEQUENCE_COUNT);
  return load<u32>(block, SEQUENCE_MANNER) == MANNER_INCLUSIVE ? before + records : before;
}
