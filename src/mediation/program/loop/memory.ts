/**
 * The rewrite loop's memory, allocated in blocks. It holds programs, routes and counters; input and output buffers in
 * it are rewritten without a copy. Its size is fixed: when it is used up, an allocation fails and nothing grows.
 *
 * @module
 */
import { FreeBlocks } from "./free_blocks.ts";
import { heapStart, memory } from "./rewrite_loop.wasm";

/** Blocks come in powers of two from 64 octets. */
const SMALLEST_CLASS = 6;
const LARGEST_CLASS = 24;

const octets = new Uint8Array(memory.buffer);
const words = new Uint32Array(memory.buffer);
const longs = new BigUint64Array(memory.buffer);
/**
 * Octets by which the loop may read past the end of a block, since it moves in steps of 16 and walks records side by
 * side.
 */
const READ_PAST = 256 * 1024;
const BASE = (heapStart() + 63) & ~63;
/**
 * Octets from the base that blocks may take; addresses below count from there, so that a block and its twin differ in
 * one bit.
 */
const ALLOCATABLE = octets.length - READ_PAST - BASE;
/** Free blocks by class. Two twins are never both free: they are one block of the next class then. */
const freeBlocks = Array.from({ length: LARGEST_CLASS + 1 }, () => new FreeBlocks());
/** What lies behind has never been a block, and takes no memory. */
let unused = 0;
let used = 0;

function classOf(size: number): number {
  return Math.max(SMALLEST_CLASS, 32 - Math.clz32(size - 1));
}

/**
 * Allocates a block of at least `size` octets, aligned to 64. Its content is undefined.
 *
 * @returns its address; 0 if the memory is used up
 */
export function allocate(size: number): number {
  const sizeClass = classOf(size);
  if (sizeClass > LARGEST_CLASS) return 0;
  let from = sizeClass;
  while (from <= LARGEST_CLASS && freeBlocks[from]?.size === 0) from++;
  if (from > LARGEST_CLASS) {
    from = beginBlock();
    if (from < sizeClass) return 0;
  }
  const block = freeBlocks[from]?.take();
  if (block === undefined) return 0;
  while (from > sizeClass) freeBlocks[--from]?.add(block + 2 ** from);
  used += 2 ** sizeClass;
  return BASE + block;
}

/**
 * Makes the largest block there can be of memory that has never been used. @returns its class; less than 0: there is
 * none
 */
function beginBlock(): number {
  const left = ALLOCATABLE - unused;
  const sizeClass = Math.min(LARGEST_CLASS, 31 - Math.clz32(left));
  if (left < 2 ** SMALLEST_CLASS) return -1;
  freeBlocks[sizeClass]?.add(unused);
  unused += 2 ** sizeClass;
  return sizeClass;
}

/**
 * Frees a block. One whose twin is free becomes one with it, so that what was in small blocks serves for large ones
 * later: memory that was touched once stays resident.
 *
 * @param size as it was allocated with
 */
export function release(address: number, size: number): void {
  if (address === 0) return;
  let sizeClass = classOf(size);
  let block = address - BASE;
  used -= 2 ** sizeClass;
  for (; sizeClass < LARGEST_CLASS; sizeClass++) {
    const twin = block ^ 2 ** sizeClass;
    if (freeBlocks[sizeClass]?.remove(twin) !== true) break;
    block = Math.min(block, twin);
  }
  freeBlocks[sizeClass]?.add(block);
}

/** Octets in blocks that are allocated and not released. */
export function usedOctets(): number {
  return used;
}

/** Octets from the first block to the last that there ever was: memory that may be resident. */
export function touchedOctets(): number {
  return unused;
}

/** The octets of a block. */
export function view(address: number, size: number): Uint8Array {
  return octets.subarray(address, address + size);
}

/** Octets that buffers may take: the rest is for programs and routes, which cannot lie elsewhere as buffers can. */
const BUFFERS = octets.length / 4 * 3;
let inBuffers = 0;

/** Allocates a buffer in the loop's memory; undefined if there is no room for it. {@link releaseBuffer} frees it. */
export function leaseBuffer(size: number): Uint8Array | undefined {
  const taken = 2 ** classOf(size);
  if (inBuffers + taken > BUFFERS) return undefined;
  const address = allocate(size);
  if (address === 0) return undefined;
  inBuffers += taken;
  return view(address, size);
}

/** Gives a leased buffer back; others are left to the garbage collector. */
export function releaseBuffer(buffer: Uint8Array): void {
  if (buffer.buffer !== memory.buffer) return;
  inBuffers -= 2 ** classOf(buffer.byteLength);
  release(buffer.byteOffset, buffer.byteLength);
}

/** The address of octets in the loop's memory; -1 if they lie elsewhere. */
export function addressOf(buffer: Uint8Array): number {
  return buffer.buffer === memory.buffer ? buffer.byteOffset : -1;
}

/** The memory as 32-bit words; index = address / 4. */
export const memoryWords: Uint32Array = words;
/** The memory as 64-bit words; index = address / 8. */
export const memoryLongs: BigUint64Array = longs;
/** The memory as octets. */
export const memoryOctets: Uint8Array = octets;
