import assert from "node:assert/strict";
import { layoutOf, readMessages, readRecords, readTemplates, type WireTemplate } from "./messages/wire.ts";

/** One thing that a collector is told, free of how it is cut into messages and sets. */
export interface Delivered {
  readonly kind: "template" | "withdrawal" | "record";
  readonly observationDomain: number;
  readonly exportTime: number;
  /** Template id; left out of comparisons where ids are given out over several sessions. */
  readonly id: number;
  readonly layout: string;
  /** A record's values without their lengths, in hexadecimal. */
  readonly values?: readonly string[];
}

/** Where a message lies in what was delivered. */
export interface DeliveredMessage {
  readonly observationDomain: number;
  readonly exportTime: number;
  readonly sequenceNumber: number;
  /** Index of its first item; as many as there are before the next message's. */
  readonly first: number;
  readonly items: number;
  readonly records: number;
}

/** A collector of one session that follows RFC 7011 and forgives nothing. */
export class Receiver {
  readonly items: Delivered[] = [];
  readonly messages: DeliveredMessage[] = [];
  readonly #templates = new Map<string, WireTemplate>();

  /** Takes whole messages. @throws where a length is wrong, a template missing, padding as long as a record */
  take(octets: Uint8Array): this {
    for (const message of readMessages(octets)) {
      const { observationDomain, exportTime, sequenceNumber } = message;
      const first = this.items.length;
      for (const set of message.sets) {
        const told = { observationDomain, exportTime };
        if (set.id === 2 || set.id === 3) {
          const { templates, padding } = readTemplates(set);
          assert.ok(padding.length < 4);
          for (const template of templates) this.#announce(told, set.id, template);
        } else {
          const template = this.#templates.get(`${observationDomain} ${set.id}`);
          assert.ok(
            template !== undefined,
            `data of template ${set.id} in domain ${observationDomain} before its template`,
          );
          const layout = layoutOf(template);
          for (const values of readRecords(template.fields, set.content).records) {
            this.items.push({
              kind: "record",
              ...told,
              id: set.id,
              layout,
              values: values.map((value) => value.toHex()),
            });
          }
        }
      }
      const items = this.items.length - first;
      const records = this.items.slice(first).filter(({ kind }) => kind === "record").length;
      this.messages.push({ observationDomain, exportTime, sequenceNumber, first, items, records });
    }
    return this;
  }

  #announce(told: { observationDomain: number; exportTime: number }, setId: number, template: WireTemplate): void {
    const key = `${told.observationDomain} ${template.id}`;
    if (template.fields.length > 0) {
      assert.ok(template.id >= 256, `template id ${template.id}`);
      this.#templates.set(key, template);
      this.items.push({ kind: "template", ...told, id: template.id, layout: layoutOf(template) });
      return;
    }
    // A withdrawal of all is the same as one of each.
    const all = template.id === setId;
    for (const [name, live] of [...this.#templates].sort(([, one], [, other]) => one.id - other.id)) {
      if (!name.startsWith(`${told.observationDomain} `)) continue;
      if (all ? (live.scope > 0) === (setId === 3) : live.id === template.id) {
        this.#templates.delete(name);
        this.items.push({ kind: "withdrawal", ...told, id: live.id, layout: layoutOf(live) });
      }
    }
  }
}

/** What one session's output delivers. */
export function deliver(octets: Uint8Array): Receiver {
  return new Receiver().take(octets);
}
