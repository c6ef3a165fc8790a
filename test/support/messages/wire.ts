/**
 * RFC 7011 octets written and read the obvious way, for tests: shares no code with `src`. The writers can lie about
 * every length; the readers believe nothing and throw on the first octet out of place.
 *
 * @module
 */

/** A field specifier of a template record. */
export interface WireField {
  readonly pen: number;
  readonly id: number;
  readonly enterpriseBit: boolean;
  /** 65535: variable. */
  readonly length: number;
}

/** A template record, an options template record (scope above 0) or a withdrawal (no fields). */
export interface WireTemplate {
  readonly id: number;
  readonly scope: number;
  readonly fields: readonly WireField[];
}

/** A set of one message. */
export interface WireSet {
  readonly id: number;
  readonly content: Uint8Array;
}

/** One message, cut into its sets. */
export interface WireMessage {
  readonly exportTime: number;
  readonly sequenceNumber: number;
  readonly observationDomain: number;
  readonly sets: readonly WireSet[];
}

/** Puts octets one behind the other. */
export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const octets = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    octets.set(part, offset);
    offset += part.length;
  }
  return octets;
}

/** A number in network byte order; a negative one in two's complement. */
export function number(value: number | bigint, length: number): Uint8Array {
  const octets = new Uint8Array(length);
  let rest = BigInt(value);
  for (let index = length - 1; index >= 0; index--) {
    octets[index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return octets;
}

/** The octets of a text in UTF-8. */
export function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

/** A value behind its own length (RFC 7011 §7); `long` uses three octets for a short one too. */
export function variable(value: Uint8Array, long = false): Uint8Array {
  if (value.length < 255 && !long) return join(number(value.length, 1), value);
  return join(number(255, 1), number(value.length, 2), value);
}

/** A field specifier from `pen/id`; the enterprise bit where the PEN is not 0. */
export function field(element: string, length: number): WireField {
  const [pen = NaN, id = NaN] = element.split("/").map(Number);
  return { pen, id, enterpriseBit: pen !== 0, length };
}

/** A template record, an options template record where there is a scope, a withdrawal where there are no fields. */
export function templateRecord({ id, scope, fields }: WireTemplate): Uint8Array {
  return join(
    number(id, 2),
    number(fields.length, 2),
    ...(scope > 0 ? [number(scope, 2)] : []),
    ...fields.map((one) =>
      join(
        number(one.id + (one.enterpriseBit ? 0x8000 : 0), 2),
        number(one.length, 2),
        one.enterpriseBit ? number(one.pen, 4) : new Uint8Array(),
      )
    ),
  );
}

/** A set of any id; `length` in place of its true one. */
export function set(id: number, content: Uint8Array, length = content.length + 4): Uint8Array {
  return join(number(id, 2), number(length, 2), content);
}

/** A template set (id 2), or an options template set (id 3) where its records have a scope. */
export function templateSet(...templates: readonly WireTemplate[]): Uint8Array {
  const id = templates.some(({ scope }) => scope > 0) ? 3 : 2;
  return set(id, join(...templates.map(templateRecord)));
}

/** What the header of a message says; each has a usable default. */
export interface WireHeader {
  readonly version?: number;
  readonly length?: number;
  readonly exportTime?: number;
  readonly sequenceNumber?: number;
  readonly observationDomain?: number;
}

/** A message around the octets of its sets, right unless the header says otherwise. */
export function message(header: WireHeader, ...sets: readonly Uint8Array[]): Uint8Array {
  const content = join(...sets);
  return join(
    number(header.version ?? 10, 2),
    number(header.length ?? 16 + content.length, 2),
    number(header.exportTime ?? 1_700_000_000, 4),
    number(header.sequenceNumber ?? 0, 4),
    number(header.observationDomain ?? 1, 4),
    content,
  );
}

/** Reads a number of up to 6 octets. */
export function readNumber(octets: Uint8Array, offset: number, length: number): number {
  if (offset + length > octets.length) throw new WireError(`octets end at ${octets.length}`, offset);
  let value = 0;
  for (let index = 0; index < length; index++) value = value * 256 + (octets[offset + index] ?? 0);
  return value;
}

/** The octets are not IPFIX. */
export class WireError extends Error {
  constructor(message: string, readonly offset: number) {
    super(`${message} (octet ${offset})`);
  }
}

/**
 * Cuts octets into whole messages and these into sets. @throws WireError for anything that does not fit to the octet
 */
export function readMessages(octets: Uint8Array): WireMessage[] {
  const messages: WireMessage[] = [];
  let offset = 0;
  while (offset < octets.length) {
    const length = readNumber(octets, offset + 2, 2);
    if (readNumber(octets, offset, 2) !== 10) throw new WireError("not version 10", offset);
    if (length < 16 || offset + length > octets.length) throw new WireError(`message length ${length}`, offset);
    messages.push({
      exportTime: readNumber(octets, offset + 4, 4),
      sequenceNumber: readNumber(octets, offset + 8, 4),
      observationDomain: readNumber(octets, offset + 12, 4),
      sets: readSets(octets.slice(offset + 16, offset + length)),
    });
    offset += length;
  }
  return messages;
}

/** Cuts what stands behind a message header into sets. */
function readSets(octets: Uint8Array): WireSet[] {
  const sets: WireSet[] = [];
  let offset = 0;
  while (offset < octets.length) {
    const length = readNumber(octets, offset + 2, 2);
    if (length < 4 || offset + length > octets.length) throw new WireError(`set length ${length}`, offset);
    sets.push({ id: readNumber(octets, offset, 2), content: octets.slice(offset + 4, offset + length) });
    offset += length;
  }
  return sets;
}

/** The records of a template set or options template set; `padding` are the octets left. */
export function readTemplates({ id, content }: WireSet): { templates: WireTemplate[]; padding: Uint8Array } {
  const templates: WireTemplate[] = [];
  let offset = 0;
  while (content.length - offset >= 4) {
    const template = readNumber(content, offset, 2);
    const count = readNumber(content, offset + 2, 2);
    offset += 4;
    const scope = id === 3 && count > 0 ? readNumber(content, offset, 2) : 0;
    if (id === 3 && count > 0) offset += 2;
    const fields: WireField[] = [];
    for (let index = 0; index < count; index++) {
      const element = readNumber(content, offset, 2);
      const enterpriseBit = element >= 0x8000;
      const pen = enterpriseBit ? readNumber(content, offset + 4, 4) : 0;
      fields.push({ pen, id: element & 0x7fff, enterpriseBit, length: readNumber(content, offset + 2, 2) });
      offset += enterpriseBit ? 8 : 4;
    }
    templates.push({ id: template, scope, fields });
  }
  return { templates, padding: content.slice(offset) };
}

/** The smallest record of a template, in octets. */
export function smallestRecord(fields: readonly WireField[]): number {
  return fields.reduce((sum, { length }) => sum + (length === 65535 ? 1 : length), 0);
}

/**
 * The records of a data set as values without their lengths; `sizes`: the octets that each takes, with its length;
 * `padding`: those that are left.
 *
 * @throws WireError for an overrun
 */
export function readRecords(fields: readonly WireField[], content: Uint8Array) {
  const smallest = smallestRecord(fields);
  if (smallest === 0) throw new WireError("records without octets", 0);
  const records: Uint8Array[][] = [];
  const sizes: number[][] = [];
  let offset = 0;
  while (content.length - offset >= smallest) {
    const values: Uint8Array[] = [];
    const taken: number[] = [];
    for (const { length } of fields) {
      const start = offset;
      let size = length;
      if (length === 65535) {
        size = readNumber(content, offset++, 1);
        if (size === 255) {
          size = readNumber(content, offset, 2);
          offset += 2;
        }
      }
      if (offset + size > content.length) throw new WireError(`field of ${size} octets overruns`, offset);
      values.push(content.slice(offset, offset + size));
      offset += size;
      taken.push(offset - start);
    }
    records.push(values);
    sizes.push(taken);
  }
  return { records, sizes, padding: content.slice(offset) };
}

/** The octets of a record from its values. */
export function recordOctets(fields: readonly WireField[], values: readonly Uint8Array[]): Uint8Array {
  return join(...fields.map(({ length }, index) => {
    const value = values[index];
    if (value === undefined) throw new Error(`value ${index} is missing`);
    if (length === 65535) return variable(value);
    if (value.length !== length) throw new Error(`value ${index} has ${value.length} octets, its field ${length}`);
    return value;
  }));
}

/** The layout of a template as one string: two templates with the same one decode the same. */
export function layoutOf({ scope, fields }: WireTemplate): string {
  return `${scope}:` +
    fields.map(({ pen, id, enterpriseBit, length }) => `${enterpriseBit ? `${pen}/` : ""}${id}[${length}]`).join(" ");
}
