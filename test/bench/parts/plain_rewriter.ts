import { VARIABLE_LENGTH } from "../../../src/ipfix/types/abstract_data_type.ts";
import { MESSAGE_HEADER_LENGTH } from "../../../src/ipfix/message/message_header.ts";
import type { RegistryHistory } from "../../../src/ipfix/registry/registry.ts";
import { SET_HEADER_LENGTH, TEMPLATE_SET_ID } from "../../../src/ipfix/message/set.ts";
import { decodeValue, defaultOctets, encodeValue, type Value } from "../../../src/ipfix/types/value.ts";
import type { FieldSpecifier } from "../../../src/ipfix/record/template.ts";
import { type Profile, selectTemplate } from "../../../src/mediation/mapping/profile/profile.ts";

interface Known {
  readonly source: readonly FieldSpecifier[];
  readonly target: readonly FieldSpecifier[];
}

/**
 * What one would write who needs the same result once and does not mind what it costs: decode every record into values
 * by name, encode them again in the collector's order. For well-formed messages of one set only; it is here to be
 * measured beside.
 */
export class PlainRewriter {
  readonly #known = new Map<number, Known>();

  constructor(readonly profile: Profile, readonly history: RegistryHistory) {}

  /** One message in, one message out; a template message gives none. */
  rewrite(message: Uint8Array): Uint8Array | undefined {
    const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
    const set = view.getUint16(MESSAGE_HEADER_LENGTH);
    const content = message.subarray(MESSAGE_HEADER_LENGTH + SET_HEADER_LENGTH);
    if (set === TEMPLATE_SET_ID) return this.#learn(content);
    const known = this.#known.get(set);
    if (known === undefined) throw new Error(`no template ${set}`);
    const out: number[] = [...message.subarray(0, MESSAGE_HEADER_LENGTH + SET_HEADER_LENGTH)];
    for (let offset = 0; offset < content.length;) offset = rewriteRecord(known, content, offset, out);
    const octets = Uint8Array.from(out);
    const lengths = new DataView(octets.buffer);
    lengths.setUint16(2, octets.length);
    lengths.setUint16(MESSAGE_HEADER_LENGTH + 2, octets.length - MESSAGE_HEADER_LENGTH);
    return octets;
  }

  #learn(content: Uint8Array): undefined {
    const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
    const id = view.getUint16(0);
    const source: FieldSpecifier[] = [];
    for (let offset = 4; source.length < view.getUint16(2);) {
      const enterpriseBit = (view.getUint16(offset) & 0x8000) !== 0;
      const length = view.getUint16(offset + 2);
      const pen = enterpriseBit ? view.getUint32(offset + 4) : 0;
      source.push({
        element: this.history.resolve(pen, view.getUint16(offset) & 0x7fff, length, enterpriseBit),
        length,
      });
      offset += enterpriseBit ? 8 : 4;
    }
    const target = selectTemplate(this.profile, { id, fields: source, scopeFieldCount: 0 })?.fields ?? source;
    this.#known.set(id, { source, target });
  }
}

function rewriteRecord({ source, target }: Known, content: Uint8Array, start: number, out: number[]): number {
  const values = new Map<string, Value>();
  let offset = start;
  for (const { element, length: specified } of source) {
    let length = specified;
    if (length === VARIABLE_LENGTH) {
      length = content[offset++] ?? 0;
      if (length === 255) {
        length = (content[offset] ?? 0) << 8 | (content[offset + 1] ?? 0);
        offset += 2;
      }
    }
    values.set(element.name, decodeValue(element.type, content.subarray(offset, offset + length)));
    offset += length;
  }
  for (const { element, length } of target) {
    const value = values.get(element.name);
    const octets = value === undefined ? defaultOctets(element.type, length) : encodeValue(element.type, length, value);
    if (length === VARIABLE_LENGTH) {
      if (octets.length < 255) out.push(octets.length);
      else out.push(255, octets.length >> 8, octets.length & 255);
    }
    for (const octet of octets) out.push(octet);
  }
  return offset;
}
