import { join, message, number, smallestRecord, type WireTemplate } from "../../support/messages/wire.ts";
import { Lies } from "./lies.ts";
import type { Random } from "./random.ts";
import { RecordWriter } from "./record_writer.ts";
import { drawFields } from "./wire_elements.ts";

/** How an exporter goes about it. */
export interface Manners {
  /** Lies once in so many lengths, counts and ids; 0: never. */
  readonly lies: number;
  /** Octets that a message may come to. */
  readonly longest: number;
}

const DOMAINS = [1, 1, 1, 0, 0x80000001];
const LONGEST_MESSAGE = 65_535;

/** An exporter that may say anything: templates, data, withdrawals, options, lists, with lies in between. */
export class Exporter {
  readonly #random: Random;
  readonly #manners: Manners;
  readonly #lies: Lies;
  /** By `domain id`. */
  #templates = new Map<string, WireTemplate>();
  readonly #sent = new Map<number, number>();
  #domain = 1;
  readonly #writer: RecordWriter;
  /** Only few ids, so that templates are replaced, withdrawn and referred to. */
  readonly #ids: readonly number[];

  constructor(random: Random, manners: Manners) {
    this.#random = random;
    this.#manners = manners;
    this.#lies = new Lies(random, manners.lies);
    const first = random.pick([256, 256, 300, 65530]);
    this.#ids = random.list(5, (index) => first + index);
    const templateOf = (id: number) => this.#templates.get(`${this.#domain} ${id}`);
    this.#writer = new RecordWriter(random, this.#lies, templateOf, () => this.#drawId());
  }

  /** Forgets all that it announced, as a process does that is started again. */
  restart(): void {
    this.#templates = new Map();
    this.#sent.clear();
  }

  /** Announces a few templates. */
  announce(domain = this.#random.pick(DOMAINS)): Uint8Array {
    this.#domain = domain;
    return this.#message([this.#templateSet(), ...(this.#random.oneIn(3) ? [this.#templateSet()] : [])], 0);
  }

  /** Any message. */
  next(): Uint8Array {
    const random = this.#random;
    this.#domain = random.pick(DOMAINS);
    if (random.oneIn(8)) return this.announce();
    const sets: Uint8Array[] = [];
    let records = 0;
    let room = Math.min(LONGEST_MESSAGE, this.#manners.longest) - 16;
    for (let count = random.oneIn(3) ? random.below(6) : 1; count > 0 && room > 100; count--) {
      const { octets, records: more } = this.#set(room);
      if (octets.length > room) continue;
      sets.push(octets);
      room -= octets.length;
      records += more;
    }
    return this.#message(sets, records);
  }

  #message(sets: readonly Uint8Array[], records: number): Uint8Array {
    const content = join(...sets).subarray(0, LONGEST_MESSAGE - 16);
    const sent = this.#sent.get(this.#domain) ?? 0;
    this.#sent.set(this.#domain, sent + records);
    const jump = this.#random.oneIn(20) ? this.#random.pick([1, -1, 100, 0x80000000]) : 0;
    return message({
      version: this.#random.oneIn(8 * this.#manners.lies) ? this.#random.pick([9, 5, 0, 11]) : 10,
      length: this.#random.oneIn(4) ? this.#lies.about(16 + content.length, 2) : 16 + content.length,
      sequenceNumber: (sent + jump) >>> 0,
      observationDomain: this.#domain,
    }, content);
  }

  #set(room: number): { octets: Uint8Array; records: number } {
    const kind = this.#random.below(16);
    if (kind === 0) return { octets: this.#withdrawal(), records: 0 };
    if (kind === 1) return { octets: this.#templateSet(), records: 0 };
    if (kind === 2) {
      const id = this.#random.pick([0, 1, 4, 255]);
      return { octets: this.#framed(id, this.#random.octets(this.#random.below(12))), records: 0 };
    }
    return this.#dataSet(room);
  }

  #dataSet(room: number): { octets: Uint8Array; records: number } {
    const random = this.#random;
    const id = this.#drawId();
    const template = this.#templates.get(`${this.#domain} ${id}`);
    if (template === undefined) return { octets: this.#framed(id, random.octets(random.below(40))), records: 0 };
    this.#writer.room = Math.min(room, this.#manners.longest);
    const wanted = random.oneIn(3) ? random.between(1, 4) : random.between(1, 200);
    const smallest = smallestRecord(template.fields);
    const parts: Uint8Array[] = [];
    let [length, records] = [0, 0];
    while (records < wanted && smallest > 0) {
      const record = this.#writer.record(template);
      if (length + record.length + 4 > room) break;
      parts.push(record);
      length += record.length;
      records++;
    }
    if (random.oneIn(6)) parts.push(new Uint8Array(random.below(Math.min(smallest, 9))));
    if (random.oneIn(this.#manners.lies)) parts.push(random.octets(random.below(9)));
    return { octets: this.#framed(id, join(...parts)), records };
  }

  #withdrawal(): Uint8Array {
    const random = this.#random;
    const options = random.oneIn(3);
    const id = random.oneIn(4) ? (options ? 3 : 2) : this.#drawId();
    return this.#framed(options ? 3 : 2, join(number(this.#lies.about(id, 2), 2), number(0, 2)));
  }

  #templateSet(): Uint8Array {
    const random = this.#random;
    const options = random.oneIn(6);
    const records = random.list(random.oneIn(20) ? 0 : random.between(1, 3), () => {
      const fields = drawFields(random);
      const id = this.#random.oneIn(4 * this.#manners.lies) ? random.below(65536) : this.#drawId();
      const scope = options ? random.between(1, fields.length) : 0;
      this.#templates.set(`${this.#domain} ${id}`, { id, scope, fields });
      return join(
        number(id, 2),
        number(this.#lies.about(fields.length, 2), 2),
        options ? number(this.#lies.about(scope, 2), 2) : new Uint8Array(0),
        ...fields.map((one) =>
          join(
            number(one.id + (one.enterpriseBit ? 0x8000 : 0), 2),
            number(one.length, 2),
            one.enterpriseBit ? number(one.pen, 4) : new Uint8Array(0),
          )
        ),
      );
    });
    return this.#framed(options ? 3 : 2, join(...records, new Uint8Array(random.oneIn(6) ? random.below(4) : 0)));
  }

  #framed(id: number, content: Uint8Array): Uint8Array {
    const setId = this.#random.oneIn(8 * this.#manners.lies) ? this.#random.below(400) : id;
    return join(number(setId, 2), number(this.#lies.about(content.length + 4, 2), 2), content);
  }

  #drawId(): number {
    return this.#random.oneIn(25) ? this.#random.between(256, 65535) : this.#random.pick(this.#ids);
  }
}
