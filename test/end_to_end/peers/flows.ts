/**
 * Flows that carry their number in every field, so that a value in a wrong place, or of another record, never looks
 * right.
 */
import type { FieldSpecifier } from "../../../src/ipfix/record/template.ts";
import { antreaProfile } from "../../support/messages/antrea.ts";
import {
  field,
  join,
  message,
  number as octetsOf,
  set,
  templateRecord,
  text,
  variable,
  type WireField,
} from "../../support/messages/wire.ts";
import { DIGITS, type FlowLayout, type NumberPlace, writeNumber } from "./flow_record.ts";

const VARIABLE = 65535;
/** Template id of the first family; the other has the next one. */
export const FIRST_TEMPLATE = 256;

/** How records differ from what an Agent of the release itself would send, by `pen/id`. */
export interface Differences {
  /** Texts that a plugin put in: the same in every record. */
  readonly fixed?: Readonly<Record<string, string>>;
  /** Fields that are not there. */
  readonly without?: readonly string[];
}

/** What records of this release look like, both families. The first field (flowStartSeconds) tells the number. */
export function flowLayouts(release: string, { fixed = {}, without = [] }: Differences = {}): FlowLayout[] {
  return antreaProfile(release).templates.map(({ fields }) =>
    layout(fields.filter(({ element: { pen, id } }) => !without.includes(`${pen}/${id}`)), fixed)
  );
}

function layout(fields: readonly FieldSpecifier[], fixed: Readonly<Record<string, string>>): FlowLayout {
  const wire: WireField[] = [];
  const parts: Uint8Array[] = [];
  const places: NumberPlace[] = [];
  let length = 0;
  const put = (octets: Uint8Array) => {
    parts.push(octets);
    length += octets.length;
  };
  for (const { element: { pen, id, type }, length: size } of fields) {
    const name = `${pen}/${id}`;
    wire.push(field(name, size));
    if (size === VARIABLE) {
      const value = fixed[name] ?? `${type === "string" ? "element" : "octets"} ${id} of ${"0".repeat(DIGITS)}`;
      put(variable(text(value)));
      if (fixed[name] === undefined) places.push([length - DIGITS, "digits"]);
    } else {
      put(octetsOf(BigInt(id & 0x7f) << BigInt(size > 3 ? 24 : 0), size));
      if (size > 3) places.push([length - 3, "octets"]);
    }
  }
  const template = templateRecord({ id: FIRST_TEMPLATE, scope: 0, fields: wire }).subarray(2);
  return { template: template.toHex(), record: join(...parts).toHex(), places };
}

const known = new Map<string, FlowLayout[]>();

/** The layouts of a release's own records, made once: tests have thousands of exporters. */
function ownLayouts(release: string): FlowLayout[] {
  const layouts = known.get(release) ?? flowLayouts(release);
  known.set(release, layouts);
  return layouts;
}

/** What an exporter of one release sends: a message for each template, then one record a message, families in turn. */
export class FlowMessages {
  readonly templates: Uint8Array;
  readonly #families: readonly { readonly message: Uint8Array; readonly places: readonly NumberPlace[] }[];

  constructor(release: string, readonly observationDomain: number) {
    const layouts = ownLayouts(release);
    this.templates = join(...layouts.map((_, family) => this.template(release, family)));
    this.#families = layouts.map(({ record, places }, family) => ({
      message: message({ observationDomain }, set(FIRST_TEMPLATE + family, Uint8Array.fromHex(record))),
      places: places.map(([offset, form]) => [offset + 20, form] as const),
    }));
  }

  /** The message of one template. */
  template(release: string, family: number): Uint8Array {
    const record = join(
      octetsOf(FIRST_TEMPLATE + family, 2),
      Uint8Array.fromHex(ownLayouts(release)[family]?.template ?? ""),
    );
    return message({ observationDomain: this.observationDomain }, set(2, record));
  }

  /**
   * Messages of so many flows.
   *
   * @param first number of the first flow
   * @param sent flows that this transport session sent before: the first message's sequence number
   */
  messages(first: number, count: number, sent = first): Uint8Array {
    return join(...Array.from({ length: count }, (_, index) => this.message(first + index, sent + index)));
  }

  message(flow: number, sequenceNumber = flow): Uint8Array {
    const family = this.#families[flow % this.#families.length];
    if (family === undefined) throw new Error("no template");
    const octets = family.message.slice();
    new DataView(octets.buffer).setUint32(8, sequenceNumber);
    writeNumber(octets, 0, family.places, flow);
    return octets;
  }

  /** One message of several flows of one family, every second number from the first on. */
  severalOf(first: number, count: number, sequenceNumber: number): Uint8Array {
    const records = Array.from({ length: count }, (_, index) => this.message(first + 2 * index).subarray(20));
    const { observationDomain } = this;
    const id = FIRST_TEMPLATE + first % this.#families.length;
    return message({ observationDomain, sequenceNumber }, set(id, join(...records)));
  }
}
