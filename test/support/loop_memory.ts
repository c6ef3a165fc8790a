import { allocate, release } from "../../src/mediation/program/loop/memory.ts";

/** Runs this with all of the rewrite loop's memory taken: what it needs, it has to release first. */
export function withoutMemory(run: () => void): void {
  const taken: [address: number, size: number][] = [];
  for (let size = 1 << 24; size >= 64; size >>= 1) {
    for (let address = allocate(size); address !== 0; address = allocate(size)) {
      taken.push([address, size]);
      if (taken.length > 100_000) throw new Error("memory without end");
    }
  }
  try {
    run();
  } finally {
    for (const [address, size] of taken) release(address, size);
  }
}
