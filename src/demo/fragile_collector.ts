import type { AbstractDataType } from "../ipfix/types/abstract_data_type.ts";
import { VARIABLE_LENGTH } from "../ipfix/types/abstract_data_type.ts";
import type { InformationElement } from "../ipfix/registry/information_element.ts";
import { unknownElement } from "../ipfix/registry/information_element.ts";
import { u16At } from "../ipfix/octets/network_order.ts";
import type { Registry } from "../ipfix/registry/registry.ts";
import type { Profile } from "../mediation/mapping/profile/profile.ts";
import { type CollectedValue, decodeValue, ShortValue } from "./collected_value.ts";

/** How one version of go-ipfix's collecting process decodes. */
export interface FragileCollectorOptions {
  /** The elements that it knows; their lengths override a template's. */
  readonly registry: Registry;
  /** True from v0.12; earlier versions refuse a template with an unknown element. */
  readonly acceptsUnknownElements: boolean;
  /** `observation-domain` up to v0.11: one map of templates for all sessions, never cleared. */
  readonly templateScope: "session" | "observation-domain";
  /** Up to v0.5.5 and from v0.12; those between log the error and continue reading. */
  readonly closesOnDecodeError: boolean;
  /** Types that it refuses in a template even if it knows the element. */
  readonly undecodableTypes: ReadonlySet<AbstractDataType>;
}

/** One data record as the collector understands it. */
export interface CollectedRecord {
  readonly observationDomain: number;
  readonly template: number;
  readonly fields: readonly (readonly [name: string, value: CollectedValue])[];
  /**
   * Whether it was decoded with a template other than the one that its session announced last. The collector cannot
   * tell.
   */
  readonly garbage: boolean;
}

/** The collecting process has died: a Go panic ends the whole process, and an endless loop exhausts its memory. */
export class CollectorDied extends Error {
  override readonly name = "CollectorDied";
}

interface StoredTemplate {
  readonly elements: readonly InformationElement[];
  /** The template record as it was announced, to tell garbage. */
  readonly announcement: string;
}

/**
 * The decoder of go-ipfix's collecting process with all its faults: how an Antrea Flow Aggregator decodes what it
 * receives. It ignores set lengths, reads only the first set and the first template record, uses the registry's lengths
 * instead of a template's, keeps the old template when it refuses a new one, and dies where Go's runtime would.
 *
 * ```ts ignore
 * const collector = new FragileCollector(fragileCollectorOptions(profile));
 * const records = collector.receive("exporter 1", message);
 * ```
 */
export class FragileCollector {
  /** Messages that it could not decode. */
  refused = 0;
  /** Records that it accepted although they were decoded with the wrong template. */
  garbage = 0;
  /** Records that it accepted, including wrongly decoded ones. */
  received = 0;
  /** Whether it has died. */
  dead = false;
  /** Why it refused the last message that it refused. */
  lastError: string | undefined;
  readonly #templates = new Map<string, StoredTemplate>();
  readonly #announced = new Map<string, string>();
  readonly #closed = new Set<string>();

  constructor(readonly options: FragileCollectorOptions) {}

  /** Whether it has closed this session's connection. It reads nothing more from it. */
  isClosed(session: string): boolean {
    return this.#closed.has(session);
  }

  /** Ends the session. Up to v0.11, its templates remain. */
  close(session: string): void {
    this.#closed.delete(session);
    forget(this.#announced, session);
    if (this.options.templateScope === "session") forget(this.#templates, session);
  }

  /**
   * Decodes one whole message of a session.
   *
   * @returns the records that it passes on; none if it refuses the message (see {@link refused}, {@link isClosed})
   * @throws CollectorDied if the real process would panic or loop endlessly; every later call throws as well
   */
  receive(session: string, message: Uint8Array): CollectedRecord[] {
    if (this.dead) throw new CollectorDied("the collecting process is gone");
    if (this.#closed.has(session)) return [];
    try {
      const records = this.#decode(session, new GoBuffer(message));
      this.received += records.length;
      for (const record of records) if (record.garbage) this.garbage++;
      return records;
    } catch (error) {
      if (error instanceof Refusal) {
        this.refused++;
        this.lastError = error.message;
        if (this.options.closesOnDecodeError) this.#closed.add(session);
        return [];
      }
      this.dead = true;
      if (error instanceof ShortValue) throw new CollectorDied(`panic: runtime error: ${error.message}`);
      throw error;
    }
  }

  #decode(session: string, message: GoBuffer): CollectedRecord[] {
    const version = message.unsigned16("message header");
    if (version !== 10) throw new Refusal(`collector only supports IPFIX (v10); invalid version ${version} received`);
    message.next(10);
    const observationDomain = message.unsigned32("message header");
    const set = message.unsigned16("set header");
    message.unsigned16("set header");
    if (set === 2) {
      this.#decodeTemplate(session, observationDomain, message);
      return [];
    }
    return this.#decodeData(session, observationDomain, set, message);
  }

  #decodeTemplate(session: string, observationDomain: number, message: GoBuffer): void {
    const start = message.offset;
    const template = message.unsigned16("template record");
    const key = `${observationDomain} ${template}`;
    try {
      const fieldCount = message.unsigned16("template record");
      const elements: InformationElement[] = [];
      for (let index = 0; index < fieldCount; index++) elements.push(this.#decodeFieldSpecifier(message));
      const announcement = message.read(start).toHex();
      this.#announced.set(`${session} ${key}`, announcement);
      this.#templates.set(this.#scoped(session, key), { elements, announcement });
    } catch (error) {
      this.#announced.set(`${session} ${key}`, "refused");
      if (this.options.acceptsUnknownElements) this.#templates.delete(this.#scoped(session, key));
      throw error;
    }
  }

  #decodeFieldSpecifier(message: GoBuffer): InformationElement {
    const identifier = message.unsigned16("field specifier");
    const length = message.unsigned16("field specifier");
    const pen = (identifier & 0x8000) === 0 ? 0 : message.unsigned32("field specifier");
    const id = identifier & 0x7fff;
    const element = this.options.registry.lookup(pen, id);
    if (element === undefined) {
      if (this.options.acceptsUnknownElements) return { ...unknownElement(pen, id), length };
      throw new Refusal(
        `Information element with elementID ${id} in registry with enterpriseID ${pen} cannot be found.`,
      );
    }
    if (this.options.undecodableTypes.has(element.type)) {
      throw new Refusal(
        `API supports only valid information elements with datatypes given in RFC7011: ${element.type}`,
      );
    }
    return element;
  }

  #decodeData(session: string, observationDomain: number, template: number, message: GoBuffer): CollectedRecord[] {
    const key = `${observationDomain} ${template}`;
    const stored = this.#templates.get(this.#scoped(session, key));
    if (stored === undefined) {
      throw new Refusal(`template ${template} with obsDomainID ${observationDomain} does not exist`);
    }
    const garbage = this.#announced.get(`${session} ${key}`) !== stored.announcement;
    const records: CollectedRecord[] = [];
    while (message.available > 0) {
      const before = message.available;
      const fields = stored.elements.map((element) => {
        const length = element.length === VARIABLE_LENGTH ? this.#variableLength(message) : element.length;
        return [element.name, decodeValue(element, message.next(length))] as const;
      });
      if (message.available === before) {
        this.dead = true;
        throw new CollectorDied(`endless loop: a record of template ${template} takes no octets`);
      }
      records.push({ observationDomain, template, fields, garbage });
    }
    return records;
  }

  #variableLength(message: GoBuffer): number {
    if (this.options.acceptsUnknownElements) {
      const length = message.unsigned8("variable field length");
      return length < 255 ? length : message.unsigned16("variable field length");
    }
    // Before v0.12, errors of these reads are discarded: missing octets read as 0.
    const [length = 0] = message.next(1);
    if (length < 255) return length;
    const octets = message.next(2);
    return octets.length < 2 ? 0 : u16At(octets, 0);
  }

  #scoped(session: string, key: string): string {
    return this.options.templateScope === "session" ? `${session} ${key}` : key;
  }
}

/** The decoder of the go-ipfix version that a profile's collector is built with, by its dialect. */
export function fragileCollectorOptions(profile: Profile): FragileCollectorOptions {
  const { name, templateScope, undecodableTypes } = profile.dialect;
  return {
    registry: profile.registry,
    acceptsUnknownElements: name === "go-ipfix",
    templateScope,
    closesOnDecodeError: name !== "go-ipfix-legacy",
    undecodableTypes,
  };
}

/** The message cannot be decoded: logged, and no more. */
class Refusal extends Error {}

/** Go's bytes.Buffer: `next` returns the remaining octets if fewer are left than requested. */
class GoBuffer {
  offset = 0;

  constructor(readonly octets: Uint8Array) {}

  get available(): number {
    return this.octets.length - this.offset;
  }

  next(length: number): Uint8Array {
    const octets = this.octets.subarray(this.offset, this.offset + length);
    this.offset += octets.length;
    return octets;
  }

  read(from: number): Uint8Array {
    return this.octets.subarray(from, this.offset);
  }

  unsigned8(what: string): number {
    return this.#number(1, what);
  }

  unsigned16(what: string): number {
    return this.#number(2, what);
  }

  unsigned32(what: string): number {
    return this.#number(4, what);
  }

  #number(length: number, what: string): number {
    if (this.available < length) throw new Refusal(`failed to decode ${what}: buffer too short`);
    return this.next(length).reduce((value, octet) => value * 256 + octet, 0);
  }
}

function forget(templates: Map<string, unknown>, session: string): void {
  for (const key of templates.keys()) if (key.startsWith(`${session} `)) templates.delete(key);
}
