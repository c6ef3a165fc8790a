import { DecodeError } from "../../ipfix/decode_error.ts";
import { decodeMessageHeader, MESSAGE_HEADER_LENGTH } from "../../ipfix/message_header.ts";
import { OctetReader } from "../../ipfix/octet_reader.ts";
import { decodeTemplateRecords, encodeWithdrawal, type TemplateKind } from "../../ipfix/template_record.ts";
import {
  type MessageSet,
  MINIMUM_DATA_SET_ID,
  OPTIONS_TEMPLATE_SET_ID,
  SET_HEADER_LENGTH,
  setsOfMessage,
  TEMPLATE_SET_ID,
} from "../../ipfix/set.ts";
import { recordLayout } from "../../ipfix/record_layout.ts";
import type { Template } from "../../ipfix/template.ts";
import { acceptsAnything, type Dialect } from "../mapping/dialect.ts";
import type { MessagePlan, PlanItem } from "./message_plan.ts";
import type { ReferenceScope } from "../references/reference_scope.ts";
import { memoryWords } from "../program/loop/memory.ts";
import { answer, walkRecords } from "../program/loop/rewrite_loop.ts";
import type { SessionEvents } from "./session_events.ts";
import type { SessionTemplates } from "./session_templates.ts";
import type { AcceptedTemplate } from "../templates/template_entry.ts";

/** What the reader asks of its session. */
export interface ReaderOptions {
  readonly templates: SessionTemplates;
  /** Withdrawals apply (TCP, TLS). */
  readonly reliable: boolean;
  /** What goes out has to fit it, as it stands at each message. */
  readonly target: { readonly dialect: Dialect; readonly maxMessageLength: number };
  /** Told only once the message stands. */
  readonly events: Pick<SessionEvents, "drop" | "notify">;
}

/** Reads one whole message in the general way: learns its templates, finds its records, and says what is to go out. */
export class MessageReader {
  constructor(readonly options: ReaderOptions) {}

  /**
   * Changes the session's templates as the message says, noted in their undo log: the caller commits it or, on an error, rolls back.
   *
   * @param octets where the message begins at `start`
   * @param address of `octets` in the rewrite loop's memory
   * @throws DecodeError for a message that is refused whole
   */
  read(octets: Uint8Array, start: number, address: number): MessagePlan {
    const header = decodeMessageHeader(octets, start);
    const end = start + header.length;
    const state: PlanState = {
      observationDomain: header.observationDomainId,
      start,
      items: [],
      records: 0,
      received: 0,
      certain: true,
      dropped: false,
      relay: header.length <= this.options.target.maxMessageLength,
      bound: MESSAGE_HEADER_LENGTH,
      scope: undefined,
      unchanged: undefined,
    };
    const sets = setsOfMessage(octets, start, end);
    const { dialect } = this.options.target;
    if (sets.length > dialect.setsPerMessage || (sets.length === 0 && !dialect.emptyMessages)) state.relay = false;
    for (const [index, set] of sets.entries()) {
      if (set.id >= MINIMUM_DATA_SET_ID) this.#readData(octets, set, state, address);
      else if (set.id === TEMPLATE_SET_ID) this.#readTemplates(octets, set, index, "template", state);
      else if (set.id === OPTIONS_TEMPLATE_SET_ID) this.#readTemplates(octets, set, index, "options-template", state);
      else {
        state.relay = false;
        this.options.events.drop("reserved_set", state.observationDomain, set.id, `set id ${set.id} is reserved`, 1);
      }
    }
    return {
      length: header.length,
      exportTime: header.exportTime,
      sequenceNumber: header.sequenceNumber,
      observationDomain: header.observationDomainId,
      domain: this.options.templates.domains.get(header.observationDomainId),
      items: state.items,
      records: state.records,
      received: state.received,
      certain: state.certain,
      dropped: state.dropped,
      relay: state.relay,
      bound: state.bound,
    };
  }

  #readTemplates(octets: Uint8Array, set: MessageSet, index: number, kind: TemplateKind, state: PlanState): void {
    const { templates, target: { dialect } } = this.options;
    const history = templates.shared.registryHistory;
    const reader = new OctetReader(octets, set.contentOffset, set.end, "template_truncated");
    const records = decodeTemplateRecords(
      reader,
      kind,
      (pen, id, length, bit) => history.resolve(pen, id, length, bit),
    );
    if (records.length === 0) {
      state.relay = false;
      this.options.events.drop("empty_set", state.observationDomain, set.id, `template set ${set.id} is empty`, 1);
    }
    if (records.length > dialect.templateRecordsPerSet || (reader.remaining > 0 && !dialect.setPadding)) {
      state.relay = false;
    }
    state.scope = state.unchanged = undefined;
    for (const record of records) {
      if (record.kind === "withdrawal") {
        this.#withdraw(record.id, kind, index, set.id, state);
        continue;
      }
      const known = templates.find(state.observationDomain, record.template.id);
      const entry = templates.learn(state.observationDomain, record.template);
      if (entry === undefined) {
        state.relay = false;
        this.options.events.drop(
          "limit",
          state.observationDomain,
          record.template.id,
          "past the cap of templates or domains",
          0,
        );
        continue;
      }
      if (known !== undefined && known !== entry) {
        this.#warn(state, record.template.id, "a template with another layout replaces it");
      }
      if (entry.kind === "refused") {
        state.relay = false;
        continue;
      }
      if (!entry.identity) state.relay = false;
      this.#announce(state, index, set.id, entry.announcement, entry.targetId, false);
    }
  }

  #withdraw(id: number, kind: TemplateKind, index: number, setId: number, state: PlanState): void {
    const { templates, reliable, target: { dialect } } = this.options;
    if (!reliable) {
      state.relay = false;
      return this.#warn(state, id, "a withdrawal over UDP is ignored");
    }
    if (id < MINIMUM_DATA_SET_ID && id !== setId) {
      state.relay = false;
      return this.#warn(state, id, `the withdrawal of id ${id} in a set ${setId} is ignored`);
    }
    const domain = templates.domains.get(state.observationDomain);
    const isOptions = kind === "options-template";
    const ids = id >= MINIMUM_DATA_SET_ID
      ? [id]
      : [...domain?.templates ?? []].filter(([, { source }]) => (source.scopeFieldCount > 0) === isOptions).map((
        [key],
      ) => key);
    const known = domain?.templates.get(id);
    if (id >= MINIMUM_DATA_SET_ID && (known === undefined || (known.source.scopeFieldCount > 0) !== isOptions)) {
      state.relay = false;
      return this.#warn(state, id, "the withdrawal of an unknown template is ignored");
    }
    if (id < MINIMUM_DATA_SET_ID) state.relay = false; // of all, of which the collector may have some, or none
    for (const template of ids) {
      const entry = templates.withdraw(state.observationDomain, template);
      // Where sessions share ids, others may still send records by this one.
      if (entry?.kind !== "accepted" || !dialect.withdrawals || entry.sharesIds) {
        state.relay = false;
        continue;
      }
      if (!entry.identity) state.relay = false;
      this.#announce(state, index, setId, encodeWithdrawal(entry.targetId, kind), entry.targetId, true);
    }
  }

  #announce(
    state: PlanState,
    set: number,
    setId: number,
    octets: Uint8Array,
    targetId: number,
    withdrawal: boolean,
  ): void {
    state.items.push({ kind: "announcement", setId, octets, targetId, withdrawal, set });
    state.bound += octets.length + SET_HEADER_LENGTH;
  }

  #readData(octets: Uint8Array, set: MessageSet, state: PlanState, address: number): void {
    const { templates, events } = this.options;
    const entry = templates.find(state.observationDomain, set.id);
    if (entry === undefined) {
      state.relay = false;
      state.dropped = true;
      state.certain = false;
      events.drop("unknown_template", state.observationDomain, set.id, "data before its template", 1);
      return;
    }
    if (entry.kind === "refused") {
      state.relay = false;
      if (recordLayout(entry.source).smallest === 0) {
        state.dropped = true;
        state.certain = false;
        return events.drop(entry.reason, state.observationDomain, set.id, entry.message, 1);
      }
      const records = countRecords(octets, set, entry.source, state.observationDomain);
      state.received += records;
      if (records > 0) state.dropped = true;
      return records > 0
        ? events.drop(entry.reason, state.observationDomain, set.id, entry.message, records)
        : events.drop("empty_set", state.observationDomain, set.id, "a data set without records", 1);
    }
    const program = entry.compiled.address;
    const whole = walkRecords(program, address + set.contentOffset, address + set.end);
    const { consumed, records } = answer;
    if (!whole) {
      throw new DecodeError(
        "field_overrun",
        `data record ${records} of template ${set.id} in observation domain ${state.observationDomain} overruns its set`,
        set.contentOffset + consumed,
      );
    }
    if (records === 0) {
      state.relay = false;
      events.drop("empty_set", state.observationDomain, set.id, "a data set without records", 1);
      return;
    }
    const scope = entry.references ? this.#scopeOf(entry, state) : undefined;
    if (scope !== undefined || !entry.identity || (consumed < set.length && !entry.dialect.setPadding)) {
      state.relay = false;
    }
    const start = set.contentOffset - state.start;
    state.items.push({ kind: "data", template: entry, start, end: start + consumed, records, scope });
    state.records += records;
    state.received += records;
    const growth = memoryWords[(program >>> 2) + 3] ?? 0;
    state.bound += SET_HEADER_LENGTH + consumed + growth * records;
    // How far lists inside the records grow is known once they are mapped.
    if (scope !== undefined) state.bound = this.options.target.maxMessageLength;
  }

  /**
   * What the records' references have to follow, as it stands at this place of the message; undefined where all of them are right as
   * they are.
   */
  #scopeOf(entry: AcceptedTemplate, state: PlanState): ReferenceScope | undefined {
    const templates = this.options.templates.domains.get(state.observationDomain)?.templates;
    state.unchanged ??= [...templates?.values() ?? []].every((other) => other.kind === "accepted" && other.identity);
    if (state.unchanged && acceptsAnything(entry.dialect)) return undefined;
    return state.scope ??= { templates: new Map(templates) };
  }

  #warn(state: PlanState, template: number, message: string): void {
    this.options.events.notify({ event: "warning", observationDomain: state.observationDomain, template, message });
  }
}

/**
 * The records of a set that does not go out: counted by their template, and refused like any others where one overruns.
 *
 * @throws DecodeError `field_overrun`
 */
function countRecords(octets: Uint8Array, set: MessageSet, source: Template, observationDomain: number): number {
  try {
    return recordLayout(source).count(new OctetReader(octets, set.contentOffset, set.end));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new DecodeError(
      "field_overrun",
      `a data record of template ${set.id} in observation domain ${observationDomain} overruns its set`,
      error.offset,
      error.extent,
    );
  }
}

/** What is found while a message is read. */
interface PlanState {
  readonly observationDomain: number;
  readonly start: number;
  readonly items: PlanItem[];
  records: number;
  received: number;
  certain: boolean;
  dropped: boolean;
  relay: boolean;
  bound: number;
  /** The domain's templates as they stand; undefined: not looked at since they last changed. */
  scope: ReferenceScope | undefined;
  /** Whether every one of them goes out as it came, under its own id: references to them stay right as they are. */
  unchanged: boolean | undefined;
}
