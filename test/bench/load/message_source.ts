/** Reads whole messages from a connection, one at a time. */
export class MessageSource {
  readonly #octets = new Uint8Array(65536);
  readonly #view = new DataView(this.#octets.buffer);
  #length = 0;

  constructor(readonly connection: Deno.TcpConn) {}

  /** The next message's set id; undefined: the stream ended. */
  async message(): Promise<number | undefined> {
    while (this.#length < 20 || this.#length < this.#view.getUint16(2)) {
      const length = await this.connection.read(this.#octets.subarray(this.#length));
      if (length === null) return undefined;
      this.#length += length;
    }
    const [set, taken] = [this.#view.getUint16(16), this.#view.getUint16(2)];
    this.#octets.copyWithin(0, taken, this.#length);
    this.#length -= taken;
    return set;
  }
}
