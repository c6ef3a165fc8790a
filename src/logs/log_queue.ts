/** Octets of lines that may wait for a reader of the log. */
const MOST_OCTETS = 256 * 1024;
/** Octets of one write. */
const WRITE_OCTETS = 32 * 1024;

/**
 * Lines on their way to a reader that may be slow. Pushing one never waits: lines are written asynchronously, and once
 * too many octets wait, further ones are dropped and counted. The count is written as a line when the reader is back.
 */
export class LogQueue {
  readonly #write: (octets: Uint8Array) => Promise<number>;
  readonly #describe: (dropped: number) => string;
  readonly #most: number;
  readonly #encoder = new TextEncoder();
  #lines: Uint8Array[] = [];
  /** Octets of the lines that wait and of those being written. */
  #octets = 0;
  #writing: Promise<void> | undefined;
  #dropped = 0;
  /** Lines dropped and not yet reported. */
  #unsaid = 0;

  /**
   * @param write writes at least one octet and resolves with their number; rejects when nobody can read any more
   * @param describe returns the line that says how many lines were dropped
   * @param most octets that may wait
   */
  constructor(
    write: (octets: Uint8Array) => Promise<number>,
    describe: (dropped: number) => string,
    most: number = MOST_OCTETS,
  ) {
    this.#write = write;
    this.#describe = describe;
    this.#most = most;
  }

  /** Lines dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Octets that wait for the reader. */
  get octets(): number {
    return this.#octets;
  }

  push(line: string): void {
    const octets = this.#encoder.encode(line);
    if (this.#octets + octets.length > this.#most) return this.#drop(1);
    this.#add(octets);
  }

  /** Resolves when nothing waits any more. May never resolve: the reader decides. */
  async flushed(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  #add(octets: Uint8Array): void {
    this.#lines.push(octets);
    this.#octets += octets.length;
    this.#writing ??= this.#writeAll();
  }

  #drop(lines: number): void {
    this.#dropped += lines;
    this.#unsaid += lines;
  }

  async #writeAll(): Promise<void> {
    // Lines logged in the same turn go out in one write.
    await Promise.resolve();
    while (this.#lines.length > 0) {
      const lines = this.#take();
      const batch = join(lines);
      try {
        for (let written = 0; written < batch.length;) written += await this.#write(batch.subarray(written));
      } catch {
        // Nobody reads the log any more; what is being served goes on.
        this.#drop(lines.length + this.#lines.length);
        this.#lines = [];
        this.#octets = 0;
        break;
      }
      this.#octets -= batch.length;
      if (this.#unsaid === 0) continue;
      // Behind the lines that were queued before the first one was dropped.
      const said = this.#encoder.encode(this.#describe(this.#unsaid));
      this.#unsaid = 0;
      this.#lines.push(said);
      this.#octets += said.length;
    }
    this.#writing = undefined;
  }

  #take(): Uint8Array[] {
    let octets = 0;
    const count = this.#lines.findIndex((line) => (octets += line.length) > WRITE_OCTETS);
    return this.#lines.splice(0, count < 0 ? this.#lines.length : Math.max(count, 1));
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
