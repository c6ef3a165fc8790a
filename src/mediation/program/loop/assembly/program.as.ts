// What the parts of the rewrite loop share: the words of a rewrite program (../../rewrite_program.ts says what they mean),
// and octets.

// Words of a program's header.
export const PROGRAM_SMALLEST: usize = 0;
export const PROGRAM_FLAGS: usize = 4;
export const PROGRAM_REWRITE: usize = 8;
export const PROGRAM_GROWTH: usize = 12;
export const PROGRAM_ENTRY: usize = 16;
export const PROGRAM_LEADING: usize = 20;
export const PROGRAM_TRAILING: usize = 24;
export const PROGRAM_FUNCTION: usize = 28;
export const PROGRAM_MESSAGES_BEFORE_FUNCTION: usize = 32;
export const PROGRAM_HEADER: usize = 36;
export const FLAG_IDENTITY: u32 = 1;
export const FLAG_KEEP_PADDING: u32 = 2;

/** In a step of a walk: the field of variable length that comes next is marked. */
export const STEP_MARK: u32 = 0x80000000;

// Operations, 16 octets each: code (8 bits) and word of the log's entry (24 bits), octets from there, operands a and b.
export const OPERATION_LENGTH: usize = 16;
export const END: u32 = 0;
export const FLUSH: u32 = 1;
export const SKIP: u32 = 2;
export const CONSTANT: u32 = 3;
export const CUT_VARIABLE: u32 = 4;
export const CUT_OCTETS: u32 = 5;
export const CUT_TRUE: u32 = 6;
export const COPY: u32 = 7;
export const WIDEN_UNSIGNED: u32 = 8;
export const WIDEN_SIGNED: u32 = 9;
export const WIDEN_FLOAT: u32 = 10;
export const TO_VARIABLE: u32 = 11;
export const SECONDS_TO_MILLISECONDS: u32 = 12;
export const KEEP_VARIABLE: u32 = 13;
export const KEEP_OCTETS: u32 = 14;
export const COUNT_ONCE: u32 = 15;
export const NARROW: u32 = 16;

/** Octets of a lost value that are kept, as in rewrite_program.ts. */
export const VALUE_LENGTH: usize = 64;

/** Octets by which a move may write past its end, before the next one overwrites them: it goes in steps of 32. */
export const OVERSHOOT: usize = 31;

// @ts-ignore: decorator
@inline
export function read16(pointer: usize): u32 {
  return <u32> bswap<u16>(load<u16>(pointer));
}

/** May write up to OVERSHOOT octets more. */
// @ts-ignore: decorator
@inline
export function move(to: usize, from: usize, length: usize): void {
  if (length > 512) {
    memory.copy(to, from, length);
  } else {
    const end = to + length;
    while (to < end) {
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
      to += 32;
      from += 32;
    }
  }
}
