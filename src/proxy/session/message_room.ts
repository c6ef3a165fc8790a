import type { MessageHolder, MessageMemory } from "../memory/message_memory.ts";
import { MODEST_BUFFER } from "../memory/read_buffer.ts";
import { ownerOf } from "../transport/address.ts";
import type { Connection } from "../transport/connection.ts";

/** Where a message that has begun waits for its rest. */
export interface PartialMessage {
  /** Where it begins in the exporter's stream. */
  readonly offset: number;
  /** Octets of the buffer that it waits in; 0: there is none. */
  readonly capacity: number;
}

/** One session's part of the {@link MessageMemory}. */
export class MessageRoom implements MessageHolder {
  readonly #memory: MessageMemory;
  readonly #exporter: Pick<Connection, "remoteAddress">;
  readonly #onYield: () => void;
  #owner: string | undefined;
  /** The message that the memory knows of, if any. */
  #offset = -1;
  partialFor = 0;

  /** @param onYield called when its message takes too long to arrive while others need the memory */
  constructor(memory: MessageMemory, exporter: Pick<Connection, "remoteAddress">, onYield: () => void) {
    this.#memory = memory;
    this.#exporter = exporter;
    this.#onYield = onYield;
  }

  get owner(): string {
    return this.#owner ??= ownerOf(this.#exporter.remoteAddress);
  }

  /** Whether there is room for this many octets now. */
  has(octets: number): boolean {
    return octets === 0 || this.#memory.hasRoom(octets, this);
  }

  /** Waits for this many octets; undefined: there is room now. */
  wait(octets: number): Promise<void> | undefined {
    return this.has(octets) ? undefined : this.#memory.room(this, octets);
  }

  /** The session is about to read: its buffer is counted, and this message waits for its rest. */
  note({ offset, capacity }: PartialMessage): void {
    this.#memory.settle(this);
    if (capacity <= MODEST_BUFFER) return this.#end();
    // The memory knows the oldest message by the order in which they began.
    const isNext = offset !== this.#offset;
    if (isNext) this.partialFor = 0;
    this.#offset = offset;
    this.#memory.beginPartial(this, capacity, isNext);
  }

  /** This many milliseconds have passed. */
  pass(elapsed: number): void {
    if (this.#offset >= 0) this.partialFor += elapsed;
  }

  yield(): void {
    this.#end();
    this.#onYield();
  }

  /** Ends a wait for room. */
  giveUp(): void {
    this.#memory.giveUp(this);
  }

  /** Releases all of it. */
  close(): void {
    this.giveUp();
    this.#memory.settle(this);
    this.#end();
  }

  #end(): void {
    if (this.#offset < 0) return;
    this.#memory.endPartial(this);
    this.#offset = -1;
    this.partialFor = 0;
  }
}
