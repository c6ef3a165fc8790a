/** Streams for readers that share no code with this project, and the configurations they are rewritten with. */
import { antreaProfile, ERAS } from "../../support/messages/antrea.ts";
import {
  field,
  join,
  message,
  number,
  recordOctets,
  set,
  templateSet,
  text,
  variable,
  type WireField,
  type WireTemplate,
} from "../../support/messages/wire.ts";

const VARIABLE = 65535;
/** Lengths of strings, in octets: none, one of each side of the long form of RFC 7011 §7, and ordinary ones. */
const STRING_LENGTHS = [7, 0, 254, 12, 255, 1, 300, 33];
const RECORDS_OF_EACH = 5;

/** A stream of one exporter session. */
export interface Sample {
  readonly stream: Uint8Array;
  /** Data records of templates, and those of options templates. */
  readonly records: number;
  readonly optionsRecords: number;
}

/** Printable and not all of one octet a character; the same for the same numbers. */
function textOfLength(length: number, seed: number): Uint8Array {
  const letters = `pod-${seed}.é✓ "<&>'`;
  const octets = text(letters.repeat(Math.ceil(length / 10)));
  let end = Math.min(length, octets.length);
  // Not inside a character.
  while (end > 0 && ((octets[end] ?? 0) & 0xc0) === 0x80) end--;
  return join(octets.slice(0, end), text("x".repeat(length - end)));
}

/** A value for a field: all octets of it differ from its neighbours', so that one octet out of place shows. */
function sampleValue({ length }: WireField, seed: number): Uint8Array {
  if (length === VARIABLE) return textOfLength(STRING_LENGTHS[seed % STRING_LENGTHS.length] ?? 0, seed);
  if (seed % 11 === 0) return new Uint8Array(length);
  if (seed % 11 === 1) return new Uint8Array(length).fill(255);
  return Uint8Array.from({ length }, (_, index) => (seed * 37 + index * 101) & 0xff);
}

/** Counts as RFC 7011 §3.1 says: the records before a message, for each observation domain. */
class Stream {
  readonly #parts: Uint8Array[] = [];
  readonly #sequence = new Map<number, number>();

  constructor(readonly firstSequenceNumber = 0) {}

  send(observationDomain: number, records: number, ...sets: readonly Uint8Array[]): this {
    const sequenceNumber = this.#sequence.get(observationDomain) ?? this.firstSequenceNumber;
    this.#parts.push(message({ observationDomain, sequenceNumber }, ...sets));
    this.#sequence.set(observationDomain, (sequenceNumber + records) % 2 ** 32);
    return this;
  }

  get octets(): Uint8Array {
    return join(...this.#parts);
  }
}

/** What an Agent of each era sends, both families, one record a message; an observation domain for each. */
export function agentsOfEveryEra(): Sample {
  const stream = new Stream();
  let seed = 0;
  for (const [index, { releases, ipv4, ipv6 }] of ERAS.entries()) {
    const { registry } = antreaProfile(Object.keys(releases).at(-1) ?? "");
    const templates = [ipv4, ipv6].map((names, family): WireTemplate => ({
      id: 256 + family,
      scope: 0,
      fields: names.map((name) => {
        const [pen = NaN, id = NaN] = name.split("/").map(Number);
        return field(name, registry.lookup(pen, id)?.length ?? NaN);
      }),
    }));
    const domain = 1000 + index;
    for (const template of templates) stream.send(domain, 0, templateSet(template));
    for (let record = 0; record < RECORDS_OF_EACH; record++) {
      for (const { id, fields } of templates) {
        stream.send(domain, 1, set(id, recordOctets(fields, fields.map((one) => sampleValue(one, seed++)))));
      }
    }
  }
  return { stream: stream.octets, records: ERAS.length * 2 * RECORDS_OF_EACH, optionsRecords: 0 };
}

/** Every abstract data type that readers show, reduced sizes, and strings of fixed length. */
const MIXED: readonly (readonly [element: string, length: number, ...octets: Uint8Array[]])[] = [
  ["0/82", 4, text("eth0"), text("lo\0\0")],
  ["0/2", 3, number(0x123456, 3), number(0, 3)],
  ["0/434", 2, number(-2, 2), number(0x7fff, 2)],
  ["0/4", 1, number(6, 1), number(255, 1)],
  ["0/83", VARIABLE, text("uplink"), text("")],
  ["0/276", 1, number(1, 1), number(2, 1)],
  ["0/152", 8, number(1_700_000_000_123, 8), number(4_102_444_799_999, 8)],
  ["0/150", 4, number(1_700_000_000, 4), number(2 ** 32 - 1, 4)],
  ["0/154", 8, number(0xe8d4a510_12345000n, 8), number(0xe8d4a511_fffff000n, 8)],
  ["0/156", 8, number(0xe8d4a510_12345678n, 8), number(0xe8d4a511_81000000n, 8)],
  ["0/56", 6, number(0x0a0b0c0d0e0f, 6), number(0xffffffffffff, 6)],
  ["0/320", 8, float(1.5, 8), float(-0.0625, 8)],
  ["0/321", 4, float(1.25, 4), float(1024, 4)],
  ["0/8", 4, number(0xc0000201, 4), number(0, 4)],
  ["0/28", 16, number(0x20010db8000000000000000000000001n, 16), number(0xfe80n << 112n, 16)],
  ["29305/1", 8, number(2n ** 64n - 1n, 8), number(55, 8)],
  ["64512/7", VARIABLE, number(0xabcdef, 3), new Uint8Array()],
  ["0/313", VARIABLE, textOfLength(255, 3), textOfLength(254, 4)],
  ["0/4", 1, number(17, 1), number(58, 1)],
  ["0/210", 3, number(0, 3), number(0, 3)],
];

function float(value: number, length: 4 | 8): Uint8Array {
  const view = new DataView(new ArrayBuffer(length));
  if (length === 4) view.setFloat32(0, value);
  else view.setFloat64(0, value);
  return new Uint8Array(view.buffer);
}

const mixed: WireTemplate = { id: 300, scope: 0, fields: MIXED.map(([element, length]) => field(element, length)) };

function mixedRecord(which: 0 | 1): Uint8Array {
  return recordOctets(mixed.fields, MIXED.map(([, , ...values]) => values[which] ?? new Uint8Array()));
}

/**
 * Fields of an Agent v2.0 in another order, variable ones first. tshark places times wrongly where the end comes before
 * the start.
 */
const reordered: WireTemplate = (() => {
  const { registry } = antreaProfile("v2.0.0");
  const own = ERAS.find(({ since }) => since === "v2.0.0")?.ipv4 ?? [];
  const names = [...own.slice(20), ...own.slice(0, 20)];
  const fields = names.map((name) => {
    const [pen = NaN, id = NaN] = name.split("/").map(Number);
    return field(name, registry.lookup(pen, id)?.length ?? NaN);
  });
  return { id: 256, scope: 0, fields };
})();

function reorderedRecord(seed: number, long = false): Uint8Array {
  return join(...reordered.fields.map((one, index) => {
    const value = sampleValue(one, seed + index);
    return one.length === VARIABLE ? variable(value, long) : value;
  }));
}

/** Positions of the flow key (RFC 7011 §4.4), and how many messages a process sent (§4.1). */
const flowKeys: WireTemplate = { id: 400, scope: 1, fields: [field("0/145", 2), field("0/173", 8)] };
const processStatistics: WireTemplate = {
  id: 401,
  scope: 2,
  fields: [field("0/149", 4), field("0/143", 4), field("0/41", 4), field("0/82", VARIABLE)],
};
const small: WireTemplate = { id: 256, scope: 0, fields: [field("0/7", 2), field("0/11", 2), field("0/4", 1)] };
const padding = new Uint8Array(3);

/**
 * All that no Agent sends: several sets and records a message, padding, options templates, reduced sizes, long-form
 * lengths, fields in another order, the same template id in several observation domains, sequence numbers that wrap.
 */
export function everyShape(): Sample {
  const stream = new Stream(2 ** 32 - 2)
    .send(1, 0, templateSet(reordered, mixed), templateSet(flowKeys, processStatistics))
    .send(
      1,
      6,
      set(400, join(number(256, 2), number(0b1010_0000_0000_0000_0000_0000_0000n, 8))),
      set(256, join(reorderedRecord(3), reorderedRecord(50, true), padding)),
      set(401, join(number(1, 4), number(9, 4), number(77, 4), variable(text("exporter-1")), padding)),
      set(300, join(mixedRecord(0), mixedRecord(1), padding)),
    )
    .send(
      2 ** 32 - 1,
      2,
      templateSet(small),
      set(256, join(number(80, 2), number(443, 2), number(6, 1)), 9),
      set(256, join(number(53, 2), number(0, 2), number(17, 1))),
    )
    .send(77, 0, templateSet({ ...mixed, id: 256 }))
    .send(1, 1, set(256, reorderedRecord(90)))
    .send(77, 1, set(256, mixedRecord(1)))
    .send(1, 1, set(300, mixedRecord(0)));
  return { stream: stream.octets, records: 9, optionsRecords: 2 };
}

/** A template id that gets another layout, directly and after a withdrawal (RFC 7011 §8.1). */
export function redefinedTemplates(): Sample {
  const stream = new Stream()
    .send(1, 0, templateSet(small))
    .send(1, 1, set(256, join(number(80, 2), number(443, 2), number(6, 1))))
    .send(1, 0, templateSet({ ...mixed, id: 256 }))
    .send(1, 1, set(256, mixedRecord(0)))
    .send(1, 0, templateSet({ id: 256, scope: 0, fields: [] }))
    .send(1, 0, templateSet(reordered))
    .send(1, 1, set(256, reorderedRecord(5)));
  return { stream: stream.octets, records: 3, optionsRecords: 0 };
}
