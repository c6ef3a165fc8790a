import assert from "node:assert/strict";
import type { Profile } from "../../src/mediation/mapping/profile/profile.ts";
import {
  layoutOf,
  readMessages,
  readRecords,
  readTemplates,
  smallestRecord,
  type WireField,
  type WireTemplate,
} from "./messages/wire.ts";

/** Holds what goes out to one collector against all that its dialect excludes, over all sessions to it. */
export class DialectChecker {
  readonly #templates = new Map<string, WireTemplate>();
  /** Which sessions use a layout under a domain and id that all sessions share. */
  readonly #users = new Map<string, Set<string>>();

  constructor(readonly profile: Profile, readonly maximumLength = 65535) {}

  /**
   * Checks what one session puts into one write.
   *
   * @throws AssertionError that names the excluded thing
   */
  write(session: string, octets: Uint8Array): void {
    const { dialect } = this.profile;
    const messages = readMessages(octets);
    assert.ok(messages.length <= dialect.messagesPerWrite, `${messages.length} messages in one write`);
    let offset = 0;
    for (const { observationDomain, sets } of messages) {
      const length = 16 + sets.reduce((sum, { content }) => sum + 4 + content.length, 0);
      assert.ok(length <= this.maximumLength, `a message of ${length} octets`);
      assert.ok(sets.length <= dialect.setsPerMessage, `${sets.length} sets in a message`);
      if (!dialect.emptyMessages) assert.ok(sets.length > 0, "an empty message");
      for (const set of sets) {
        assert.ok(set.id === 2 || set.id === 3 || set.id >= 256, `set id ${set.id}`);
        if (set.id === 3) assert.ok(dialect.optionsTemplates, "an options template");
        if (set.id < 256) this.#templateSet(session, observationDomain, readTemplates(set), set.id);
        else this.#dataSet(session, observationDomain, set.id, set.content);
      }
      offset += length;
    }
    assert.equal(offset, octets.length);
  }

  /** Checks all of a session's writes. */
  writes(session: string, writes: readonly Uint8Array[]): void {
    for (const octets of writes) this.write(session, octets);
  }

  /** The session uses no other templates any more than these: `domain id`. Without withdrawals only it can say so. */
  keep(session: string, templates: ReadonlySet<string>): void {
    for (const [key, users] of this.#users) {
      if (!templates.has(key.split(" ").slice(0, 2).join(" "))) users.delete(session);
    }
  }

  /** The session's connection ends. */
  close(session: string): void {
    for (const users of this.#users.values()) users.delete(session);
  }

  #templateSet(
    session: string,
    domain: number,
    { templates }: { templates: readonly WireTemplate[] },
    setId: number,
  ): void {
    const { dialect } = this.profile;
    assert.ok(templates.length > 0, "an empty template set");
    assert.ok(templates.length <= dialect.templateRecordsPerSet, `${templates.length} template records in a set`);
    for (const template of templates) {
      if (template.fields.length === 0) {
        assert.ok(dialect.withdrawals, "a withdrawal");
        continue;
      }
      assert.ok(template.id >= 256, `template id ${template.id}`);
      assert.equal(template.scope > 0, setId === 3, "scope fields in an options template set only");
      assert.ok(smallestRecord(template.fields) > 0, "a template whose records take no octets");
      for (const [index, field] of template.fields.entries()) {
        // A scope is never cut: its records would speak of something else. Who goes by the template's lengths can skip
        // it.
        if (index >= template.scope || dialect.fieldLengths === "registry") this.#field(field);
      }
      this.#share(session, domain, template);
      this.#templates.set(`${session} ${domain} ${template.id}`, template);
    }
  }

  #field({ pen, id, enterpriseBit, length }: WireField): void {
    const { dialect, registry, acceptsUnknownElements } = this.profile;
    if (acceptsUnknownElements) return;
    assert.equal(enterpriseBit, pen !== 0, `the enterprise bit of element ${pen}/${id}`);
    const element = registry.lookup(pen, id);
    assert.ok(element !== undefined, `element ${pen}/${id}, unknown to ${registry.name}`);
    assert.ok(!dialect.undecodableTypes.has(element.type), `${element.name} of type ${element.type}`);
    if (dialect.fieldLengths === "registry") assert.equal(length, element.length, `the length of ${element.name}`);
  }

  #share(session: string, domain: number, template: WireTemplate): void {
    if (this.profile.dialect.templateScope === "session") return;
    const key = `${domain} ${template.id}`;
    for (const [other, users] of this.#users) {
      if (!other.startsWith(`${key} `)) continue;
      users.delete(session);
      if (other !== `${key} ${layoutOf(template)}`) {
        assert.equal(users.size, 0, `another layout under template ${template.id} of domain ${domain}`);
      }
    }
    const users = this.#users.get(`${key} ${layoutOf(template)}`) ?? new Set();
    this.#users.set(`${key} ${layoutOf(template)}`, users.add(session));
  }

  #dataSet(session: string, domain: number, id: number, content: Uint8Array): void {
    const template = this.#templates.get(`${session} ${domain} ${id}`);
    assert.ok(template !== undefined, `data of template ${id} in domain ${domain} before its template`);
    const { records, padding } = readRecords(template.fields, content);
    assert.ok(records.length > 0, "a data set without records");
    assert.ok(padding.length < smallestRecord(template.fields), "padding as long as a record");
    if (!this.profile.dialect.setPadding) assert.equal(padding.length, 0, "padding in a data set");
  }
}
