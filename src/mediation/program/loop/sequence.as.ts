// Sequence numbers (RFC 7011 §3.1): follows the exporter's, counts those that go out.

// Words of a sequence block: one observation domain of one session.
const SEQUENCE_KNOWN: usize = 0;
const SEQUENCE_PREVIOUS: usize = 4;
const SEQUENCE_NEXT: usize = 8;
const SEQUENCE_MANNER: usize = 12;
const SEQUENCE_COUNTED: usize = 16;
const SEQUENCE_COUNT: usize = 20;
const SEQUENCE_GAPS: usize = 24;
/** Records of the message with which counting began: what was sent before it depends on the manner. */
const SEQUENCE_DEPARTED: usize = 28;
const MANNER_EXCLUSIVE: u32 = 1;
const MANNER_INCLUSIVE: u32 = 2;
/** SEQUENCE_KNOWN: how many records came is known of the last message, or not. */
const KNOWN: u32 = 1;
const UNCERTAIN: u32 = 2;

/**
 * Follows the exporter's own sequence numbers: learns whether they count the message's own records (go-ipfix up to
 * v0.13) and counts gaps. Gives how many it found, 0 or 1. `certain`: no more records than these can have come with the
 * message; else nothing is learnt of it.
 */
export function followSequence(block: usize, received: u32, records: u32, certain: u32): u32 {
  let gap: u32 = 0;
  const known = load<u32>(block, SEQUENCE_KNOWN);
  if (known != 0) {
    const exclusive = received == load<u32>(block, SEQUENCE_NEXT);
    const inclusive = received == load<u32>(block, SEQUENCE_PREVIOUS) + records;
    if (!exclusive && !inclusive) gap = 1;
    else if (exclusive != inclusive && known == KNOWN && certain != 0) {
      learnManner(block, exclusive ? MANNER_EXCLUSIVE : MANNER_INCLUSIVE);
    }
  }
  store<u32>(block, certain != 0 ? KNOWN : UNCERTAIN, SEQUENCE_KNOWN);
  store<u32>(block, received, SEQUENCE_PREVIOUS);
  store<u32>(block, received + records, SEQUENCE_NEXT);
  if (gap != 0) store<u32>(block, load<u32>(block, SEQUENCE_GAPS) + 1, SEQUENCE_GAPS);
  return gap;
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

/** Whether what goes out is counted, instead of the exporter's numbers taken. */
// @ts-ignore: decorator
@inline
export function isCounted(block: usize): bool {
  return load<u32>(block, SEQUENCE_COUNTED) != 0;
}

/** The number of a message that goes out with so many records. */
export function nextSequenceNumber(block: usize, records: u32): u32 {
  const before = load<u32>(block, SEQUENCE_COUNT);
  store<u32>(block, before + records, SEQUENCE_COUNT);
  return load<u32>(block, SEQUENCE_MANNER) == MANNER_INCLUSIVE ? before + records : before;
}
