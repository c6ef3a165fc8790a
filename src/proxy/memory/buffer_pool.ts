import { leaseBuffer, releaseBuffer } from "../../mediation/program/loop/memory.ts";

/** Where read and write buffers come from: the heap, or the memory that a rewriting loop works in. */
export interface BufferPool {
  /** Octets in all views that are out now. */
  readonly leased: number;
  /** Whether there is room for buffers that are only faster, not needed. */
  readonly generous: boolean;
  /** A view of exactly so many octets (a power of two), whatever they hold. */
  lease(octets: number): Uint8Array;
  /** Gives back a view that was leased here; it must not be touched any more. */
  release(view: Uint8Array): void;
}

/** Past so many octets out, buffers do not grow beyond what their messages need. */
const GENEROUS_OCTETS = 64 * 1024 * 1024;
/** So many octets of returned buffers are kept for the next lease; the rest goes back to the heap. */
const RETAINED_OCTETS = 4 * 1024 * 1024;

/** Where a pool's buffers come from and go to. */
interface BufferSource {
  take(octets: number): Uint8Array;
  giveBack(view: Uint8Array): void;
}

const HEAP: BufferSource = { take: (octets) => new Uint8Array(octets), giveBack() {} };

/** Buffers that lie in the rewrite loop's memory are rewritten without a copy; once that is used up, the heap does as well. */
const LOOP_MEMORY: BufferSource = {
  take: (octets) => leaseBuffer(octets) ?? new Uint8Array(octets),
  giveBack: releaseBuffer,
};

/** Buffers of one source, kept by size for the next that asks. */
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
    if (view === undefined) return this.source.take(octets);
    this.#retained -= octets;
    return view;
  }

  release(view: Uint8Array): void {
    this.leased -= view.length;
    if (this.#retained + view.length > this.limits.retained) return this.source.giveBack(view);
    this.#retained += view.length;
    const free = this.#free.get(view.length);
    if (free === undefined) this.#free.set(view.length, [view]);
    else free.push(view);
  }
}

/** Buffers on the heap. */
export class HeapBufferPool extends RetainingBufferPool {
  constructor(limits = { generous: GENEROUS_OCTETS, retained: RETAINED_OCTETS }) {
    super(HEAP, limits);
  }
}

/** Buffers in the memory of the rewrite loop. */
export class LoopBufferPool extends RetainingBufferPool {
  constructor(limits = { generous: GENEROUS_OCTETS, retained: RETAINED_OCTETS }) {
    super(LOOP_MEMORY, limits);
  }
}
