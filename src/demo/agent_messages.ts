import { VARIABLE_LENGTH } from "../ipfix/types/abstract_data_type.ts";
import { MESSAGE_HEADER_LENGTH, writeMessageHeader } from "../ipfix/message/message_header.ts";
import { SET_HEADER_LENGTH, TEMPLATE_SET_ID, writeSetHeader } from "../ipfix/message/set.ts";
import { concatenate } from "../ipfix/octets/concatenate.ts";
import type { Template } from "../ipfix/record/template.ts";
import { encodeTemplateRecord } from "../ipfix/record/template_record.ts";
import { encodeValue } from "../ipfix/types/value.ts";
import type { Profile } from "../mediation/mapping/profile/profile.ts";
import type { CollectedValue } from "./collected_value.ts";
import { flowValue } from "./flow_value.ts";

/** The id of every Agent's first template; the next template has the next id. */
const FIRST_TEMPLATE = 256;

/** A flow as an Agent sent it. */
export interface SentFlow {
  /** Name of the profile's template: `IPv4`. */
  readonly template: string;
  readonly values: ReadonlyMap<string, CollectedValue>;
  readonly message: Uint8Array;
}

/**
 * The messages that an Agent of one release writes to its connection: each template in its own message, then one data
 * record per message, as go-ipfix's exporting process does.
 */
export class AgentMessages {
  readonly observationDomain: number;
  readonly #templates: readonly Template[];
  readonly #inclusive: boolean;
  #sequenceNumber = 0;

  /** @param profile the Agent's release, which sends what an Aggregator of the same release expects */
  constructor(readonly profile: Profile, readonly node: string) {
    this.observationDomain = fnv1(node);
    this.#inclusive = countsInclusively(profile);
    this.#templates = profile.templates.map(({ fields }, index) => ({
      id: FIRST_TEMPLATE + index,
      fields,
      scopeFieldCount: 0,
    }));
  }

  /** Returns a message for each template, in the order of their ids. A session starts with these. */
  templates(): Uint8Array[] {
    this.#sequenceNumber = 0;
    return this.#templates.map((template) => this.#message(TEMPLATE_SET_ID, encodeTemplateRecord(template)));
  }

  /** Returns the flow of this number. Flows use the templates in turn. */
  flow(number: number): SentFlow {
    const index = number % this.#templates.length;
    const template = this.#templates[index];
    if (template === undefined) throw new RangeError(`profile ${this.profile.name} lists no templates`);
    const values = new Map<string, CollectedValue>();
    const octets: Uint8Array[] = [];
    for (const { element, length } of template.fields) {
      const value = flowValue(element, number, this.node);
      values.set(element.name, value);
      const encoded = encodeValue(element.type, length, value);
      if (length === VARIABLE_LENGTH) octets.push(variableLength(encoded.length));
      octets.push(encoded);
    }
    if (this.#inclusive) this.#sequenceNumber++;
    const message = this.#message(template.id, concatenate(octets));
    if (!this.#inclusive) this.#sequenceNumber++;
    return { template: this.profile.templates[index]?.name ?? "", values, message };
  }

  #message(set: number, content: Uint8Array): Uint8Array {
    const length = MESSAGE_HEADER_LENGTH + SET_HEADER_LENGTH + content.length;
    const message = new Uint8Array(length);
    writeMessageHeader(message, 0, {
      version: 10,
      length,
      exportTime: Math.floor(Date.now() / 1000),
      sequenceNumber: this.#sequenceNumber,
      observationDomainId: this.observationDomain,
    });
    writeSetHeader(message, MESSAGE_HEADER_LENGTH, set, SET_HEADER_LENGTH + content.length);
    message.set(content, MESSAGE_HEADER_LENGTH + SET_HEADER_LENGTH);
    return message;
  }
}

/** Exporting processes up to go-ipfix v0.13 include the current message's records in its sequence number. */
function countsInclusively({ registry }: Profile): boolean {
  const minor = /^go-ipfix\/v0\.(\d+)\./.exec(registry.name)?.[1];
  return minor !== undefined && Number(minor) <= 13;
}

/** Returns the 32-bit FNV-1 hash, from which an Agent derives its observation domain from the Node's name. */
export function fnv1(text: string): number {
  let hash = 0x811c9dc5;
  for (const octet of new TextEncoder().encode(text)) hash = Math.imul(hash, 0x01000193) ^ octet;
  return hash >>> 0;
}

function variableLength(length: number): Uint8Array {
  return length < 255 ? Uint8Array.of(length) : Uint8Array.of(255, length >> 8, length & 255);
}
