/** Octets of the table of fields that a client may refer to (RFC 7541 §4.2), which this listener leaves as it is. */
const TABLE = 4096;
/** What each field counts besides its octets (§4.1). */
const FIELD_OVERHEAD = 32;
/** Fields that every connection knows (Appendix A), and the octets that one has at most, as a field and as a name. */
const STATIC_FIELDS = 61;
const STATIC_FIELD = 64 + FIELD_OVERHEAD;
const STATIC_NAME = 32;
/** The shortest code of a character has five bits (Appendix B). */
const LONGEST_EXPANSION = 8 / 5;
const HUFFMAN = 0x80;
const LARGEST_INTEGER = 2 ** 28;

interface Field {
  readonly name: number;
  readonly size: number;
}

/**
 * Finds how long the lists of header fields are, at most, that a client's blocks stand for (HPACK, RFC 7541): one octet
 * may stand for a field of four thousand. It follows lengths only. Where a length is not known exactly, it is taken too
 * long, so that its table may have lost a field that the client can still refer to; such a field counts as the longest.
 */
export class HeaderLists {
  /** The newest first. */
  readonly #table: Field[] = [];
  #tableSize = 0;
  #block: Uint8Array = new Uint8Array(0);
  #at = 0;

  /**
   * Returns the size of the list that the next block stands for (§4.1). A block that is broken ends its connection
   * elsewhere.
   */
  sizeOf(block: Uint8Array): number {
    this.#block = block;
    this.#at = 0;
    let size = 0;
    while (this.#at < block.length) {
      const octet = block[this.#at] ?? 0;
      if ((octet & 0x80) !== 0) size += this.#field(this.#integer(0x7f)).size;
      else if ((octet & 0x40) !== 0) size += this.#insert(this.#literal(0x3f)).size;
      else if ((octet & 0x20) !== 0) this.#integer(0x1f);
      else size += this.#literal(0x0f).size;
    }
    return size;
  }

  /** Reads a field whose value stands here, and maybe its name (§6.2). */
  #literal(mask: number): Field {
    const index = this.#integer(mask);
    const name = index === 0 ? this.#string() : this.#field(index).name;
    return { name, size: name + this.#string() + FIELD_OVERHEAD };
  }

  /** Reads a string (§5.2). Returns its longest length. */
  #string(): number {
    const isCoded = ((this.#block[this.#at] ?? 0) & HUFFMAN) !== 0;
    const length = this.#integer(0x7f);
    this.#at += length;
    return isCoded ? Math.floor(length * LONGEST_EXPANSION) : length;
  }

  /** Reads an integer that begins in the bits of this mask (§5.1). */
  #integer(mask: number): number {
    let value = (this.#block[this.#at++] ?? 0) & mask;
    if (value < mask) return value;
    for (let factor = 1; factor < LARGEST_INTEGER; factor *= 128) {
      const octet = this.#block[this.#at++] ?? 0;
      value += (octet & 0x7f) * factor;
      if ((octet & 0x80) === 0) break;
    }
    return value;
  }

  #field(index: number): Field {
    if (index <= STATIC_FIELDS) return { name: STATIC_NAME, size: STATIC_FIELD };
    return this.#table[index - STATIC_FIELDS - 1] ?? { name: TABLE - FIELD_OVERHEAD, size: TABLE };
  }

  #insert(field: Field): Field {
    this.#table.unshift(field);
    this.#tableSize += field.size;
    while (this.#tableSize > TABLE) this.#tableSize -= this.#table.pop()?.size ?? 0;
    return field;
  }
}
