import { leaseBuffer, releaseBuffer } from "../../mediation/program/loop/memory.ts";

/** Lends read and write buffers, from the heap or from the memory that the rewrite loop works in. */
export interface BufferPool {
  /** Octets in all views on loan. */
  readonly leased: number;
  /** Whether buffers may be larger than their messages need, which makes reading faster. */
  readonly generous: boolean;
  /** Returns a view of exactly this length (a power of two), with arbitrary contents. */
  lease(octets: number): Uint8Array;
  /** Takes back a view leased here, which must not be used afterwards. */
  release(view: Uint8Array): void;
}

/** Octets on loan above which buffers do not grow beyond what their messages need. */
const GENEROUS_OCTETS = 64 * 1024 * 1024;
/** Octets of returned buffers that are kept for the next lease. The rest is freed. */
const RETAINED_OCTETS = 4 * 1024 * 1024;

/** Allocates and frees a pool's buffers. */
interface BufferSource {
  allocate(octets: number): Uint8Array;
  free(view: Uint8Array): void;
}

const HEAP: BufferSource = { allocate: (octets) => new Uint8Array(octets), free() {} };

/**
 * Buffers in the rewrite loop's memory are rewritten without a copy. When that memory is used up, buffers come from the
 * heap.
 */
const LOOP_MEMORY: BufferSource = {
  allocate: (octets) => leaseBuffer(octets) ?? new Uint8Array(octets),
  free: releaseBuffer,
};

/** Keeps returned buffers by size for the next lease. */
class RetainingBufferPool implements BufferPool {
  leased = 0;
  readonly #free = new Map<number, Uint8Array[]>();
  #retained = 0;

  constructor(
    readonly source: BufferSource,
    readonly limits: { readonly generous: number; readonly retained: number },
  ) {}

  get generous(): boolean {
    return this.leased < this.limits.generous;
  }

  lease(octets: number): Uint8Array {
    this.leased += octets;
    const view = this.#free.get(octets)?.pop();
    if (view === undefined) return this.source.allocate(octets);
    this.#retained -= octets;
    return view;
  }

  release(view: Uint8Array): void {
    this.leased -= view.length;
    if (this.#retained + view.length > this.limits.retained) return this.source.free(view);
    this.#retained += view.length;
    const free = this.#free.get(view.length);
    if (free === undefined) this.#free.set(view.length, [view]);
    else free.push(view);
  }
}

/** Lends buffers on the heap. */
export class HeapBufferPool extends RetainingBufferPool {
  constructor(limits = { generous: GENEROUS_OCTETS, retained: RETAINED_OCTETS }) {
    super(HEAP, limits);
  }
}

/** Lends buffers in the rewrite loop's memory. */
export class LoopBufferPool extends RetainingBufferPool {
  constructor(limits = { generous: GENEROUS_OCTETS, retained: RETAINED_OCTETS }) {
    super(LOOP_MEMORY, limits);
  }
}
