/**
 * The rewrite loop's memory, allocated in blocks. It holds programs, routes and counters; input and output buffers in
 * it are rewritten without a copy. Its size is fixed: when it is used up, an allocation fails and nothing grows.
 *
 * @module
 */
import { heapStart, memory } from "./rewrite_loop.wasm";

/** Blocks come in powers of two from 64 octets. */
const SMALLEST_CLASS = 6;
const LARGEST_CLASS = 24;

const octets = new Uint8Array(memory.buffer);
const words = new Uint32Array(memory.buffer);
const longs = new BigUint64Array(memory.buffer);
const freeBlocks: number[][] = Array.from({ length: LARGEST_CLASS + 1 }, () => []);
/**
 * Octets by which the loop may read past the end of a block, since it moves in steps of 16 and walks records side by
 * side.
 */
const READ_PAST = 256 * 1024;
const ALLOCATABLE_END = octets.length - READ_PAST;
let unused = (heapStart() + 63) & ~63;

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
  const list = freeBlocks[sizeClass];
  if (list === undefined) return 0;
  const reused = list.pop();
  if (reused !== undefined) return reused;
  const end = unused + (1 << sizeClass);
  if (end > ALLOCATABLE_END) return 0;
  const address = unused;
  unused = end;
  return address;
}

/** Frees a block. @param size as it was allocated with */
export function release(address: number, size: number): void {
  if (address !== 0) freeBlocks[classOf(size)]?.push(address);
}

/** Octets in blocks that are allocated and not released. */
export function usedOctets(): number {
  const free = freeBlocks.reduce((sum, { length }, sizeClass) => sum + length * 2 ** sizeClass, 0);
  return unused - heapStart() - free;
}

/** The octets of a block. */
export function view(address: number, size: number): Uint8Array {
  return octets.subarray(address, address + size);
}

/** Where new buffers end: the rest is for programs and routes, which cannot lie elsewhere as buffers can. */
const BUFFERS_END = octets.length / 4 * 3;

/** Allocates a buffer in the loop's memory; undefined if that is used up. {@link releaseBuffer} frees it. */
export function leaseBuffer(size: number): Uint8Array | undefined {
  const free = freeBlocks[classOf(size)];
  if (free === undefined || (free.length === 0 && unused + size > BUFFERS_END)) return undefined;
  const address = allocate(size);
  return address === 0 ? undefined : view(address, size);
}

/** Gives a leased buffer back; others are left to the garbage collector. */
export function releaseBuffer(buffer: Uint8Array): void {
  if (buffer.buffer === memory.buffer) release(buffer.byteOffset, buffer.byteLength);
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
