/** The free blocks of one size: the one that was freed last is taken first, and any can be taken out. */
export class FreeBlocks {
  readonly #blocks: number[] = [];
  readonly #indexes = new Map<number, number>();

  get size(): number {
    return this.#blocks.length;
  }

  add(block: number): void {
    this.#indexes.set(block, this.#blocks.length);
    this.#blocks.push(block);
  }

  /** Takes one out; undefined: there is none. */
  take(): number | undefined {
    const block = this.#blocks.pop();
    if (block !== undefined) this.#indexes.delete(block);
    return block;
  }

  /** Takes this one out. Returns whether it was free. */
  remove(block: number): boolean {
    const index = this.#indexes.get(block);
    if (index === undefined) return false;
    this.#indexes.delete(block);
    const last = this.#blocks.pop();
    if (last !== undefined && last !== block) {
      this.#blocks[index] = last;
      this.#indexes.set(last, index);
    }
    return true;
  }
}
