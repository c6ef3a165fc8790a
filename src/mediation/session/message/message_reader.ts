import { DecodeError } from "../../../ipfix/octets/decode_error.ts";
import { decodeMessageHeader, MESSAGE_HEADER_LENGTH } from "../../../ipfix/message/message_header.ts";
import { OctetReader } from "../../../ipfix/octets/octet_reader.ts";
import {
  countTemplateRecords,
  encodeWithdrawal,
  type TemplateKind,
  templateRecordPlace,
} from "../../../ipfix/record/template_record.ts";
import {
  countSets,
  type MessageSet,
  MINIMUM_DATA_SET_ID,
  OPTIONS_TEMPLATE_SET_ID,
  SET_HEADER_LENGTH,
  setAt,
  TEMPLATE_SET_ID,
} from "../../../ipfix/message/set.ts";
import { type RecordLayout, recordLayout } from "../../../ipfix/record/record_layout.ts";
import { acceptsAnything, type Dialect } from "../../mapping/profile/dialect.ts";
import type { MessagePlan, PlanItem } from "./message_plan.ts";
import type { MessageSource } from "./message_source.ts";
import { type AnnouncedTemplate, TemplateInMessage } from "../intake/announced_template.ts";
import type { Step } from "../../mapping/chain/steps.ts";
import type { ReferenceScope } from "../../references/reference_scope.ts";
import { memoryWords } from "../../program/loop/memory.ts";
import { walkRecords } from "../../program/loop/rewrite_loop.ts";
import type { SessionEvents } from "../session_events.ts";
import type { SessionTemplates } from "../intake/session_templates.ts";
import { TemplateHistory } from "./template_history.ts";
import type { DropReason } from "../../templates/event.ts";
import { ProgramWord } from "../../program/rewrite_program.ts";
import type { AcceptedTemplate, RefusedTemplate, TemplateEntry } from "../../templates/template_entry.ts";

/**
 * What reading costs, in units of about a microsecond. A template that is not known costs more: see {@link
 * SessionTemplates.learn}.
 */
const MESSAGE_COST = 2;
const KNOWN_TEMPLATE_COST = 2;
const WITHDRAWAL_COST = 5;
const SET_COST = 1;
/** An octet of a template set, which is looked at before anything of it is decoded. */
const SCAN_COST = 0.005;
/** A step of counting records that are dropped. */
const COUNT_COST = 0.03;
/** Templates that a reference may name are looked at once between two that change. */
const SCOPE_COST_OF_TEMPLATE = 0.1;

/** What a reader needs of its session. */
export interface ReaderOptions {
  readonly templates: SessionTemplates;
  /** Withdrawals apply (TCP, TLS). */
  readonly reliable: boolean;
  /** What the output has to fit: may change between two messages. */
  readonly target: { readonly dialect: Dialect; readonly maxMessageLength: number };
  /** Reported only once the message is committed. */
  readonly events: Pick<SessionEvents, "drop" | "notify">;
}

/**
 * Reads one whole message that the rewrite loop leaves to TypeScript: learns its templates, finds its records, and plans
 * its output.
 */
export class MessageReader {
  constructor(readonly options: ReaderOptions) {}

  /**
   * Changes the session's templates as the message says. The changes are in the templates' undo log, which the caller
   * commits or, on an error, rolls back.
   *
   * @param source whose fields may change between two steps, when the octets are found elsewhere
   * @returns steps that each yield what they have cost, in units of about a microsecond, or what to wait for
   * @throws DecodeError for a message that is refused whole
   */
  *steps(source: MessageSource): Generator<Step, MessagePlan> {
    const header = decodeMessageHeader(source.octets, source.start);
    const state: PlanState = {
      observationDomain: header.observationDomainId,
      source,
      cost: 0,
      items: [],
      records: 0,
      received: 0,
      undecodable: 0,
      certain: true,
      dropped: false,
      bound: MESSAGE_HEADER_LENGTH,
      history: new TemplateHistory((id) => this.options.templates.find(header.observationDomainId, id)),
      scope: undefined,
      unchanged: undefined,
    };
    const sets = countSets(source.octets, source.start, source.start + header.length);
    let verbatim = true;
    // It may have no set at all, and thousands of such messages fit into one read.
    yield MESSAGE_COST;
    // Nothing is kept of a set once it is read, or of a record: hundreds of sessions may be in the middle of messages.
    for (let index = 0, at = MESSAGE_HEADER_LENGTH; index < sets; index++) {
      const set = setAt(source.octets, source.start + at, source.start + header.length);
      at = set.end - source.start;
      const isTemplates = set.id === TEMPLATE_SET_ID || set.id === OPTIONS_TEMPLATE_SET_ID;
      const isVerbatim = isTemplates ? yield* this.#readTemplates(set, index, state) : this.#readSet(set, state);
      if (!isVerbatim) verbatim = false;
      yield state.cost + SET_COST;
      state.cost = 0;
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
      undecodable: state.undecodable,
      certain: state.certain,
      dropped: state.dropped,
      relay: this.#mayBeRelayed(header.length, sets, verbatim),
      bound: state.bound,
    };
  }

  /**
   * Whether a message may go out as it came in: it is no longer and has no more sets than the collector takes, and each
   * of its sets goes out verbatim.
   */
  #mayBeRelayed(length: number, sets: number, verbatim: boolean): boolean {
    const { dialect, maxMessageLength } = this.options.target;
    return verbatim && length <= maxMessageLength && sets <= dialect.setsPerMessage &&
      (sets > 0 || dialect.emptyMessages);
  }

  // Each of the methods below reads a part of a message and returns whether that part goes out verbatim: octet for
  // octet as it came in.

  // A set without records, empty or nothing but padding, is left out and not counted: nothing in it can be lost.

  #readSet(set: MessageSet, state: PlanState): boolean {
    if (set.id >= MINIMUM_DATA_SET_ID) return this.#readData(set, state);
    state.undecodable++;
    return this.#drop("reserved_set", state, set.id, `set id ${set.id} is reserved`, 1);
  }

  /** Checks the whole set first. A template is decoded only once there is room for it. */
  *#readTemplates(set: MessageSet, index: number, state: PlanState): Generator<Step, boolean> {
    const { templates, target: { dialect } } = this.options;
    const { source } = state;
    const history = templates.shared.registryHistory;
    const kind = set.id === TEMPLATE_SET_ID ? "template" : "options-template";
    const contentAt = set.contentOffset - source.start;
    const reader = new OctetReader(source.octets, set.contentOffset, set.end, "template_truncated");
    const records = countTemplateRecords(reader, kind);
    if (records === 0) return false;
    state.cost += set.length * SCAN_COST;
    let verbatim = records <= dialect.templateRecordsPerSet && (reader.remaining === 0 || dialect.setPadding);
    for (let read = 0, at = contentAt; read < records; read++) {
      const [begin, end] = [source.start + contentAt, source.start + contentAt + set.length];
      const record = new OctetReader(source.octets, source.start + at, end, "template_truncated");
      const place = templateRecordPlace(record, kind, begin);
      at = record.offset - source.start;
      const recordVerbatim = place.fieldCount === 0
        ? yield* this.#withdraw(place.id, kind, index, set.id, state)
        : yield* this.#learn(new TemplateInMessage(source, contentAt, place, history), index, set.id, state);
      if (!recordVerbatim) verbatim = false;
      yield state.cost;
      state.cost = 0;
    }
    return verbatim;
  }

  *#learn(template: AnnouncedTemplate, index: number, setId: number, state: PlanState): Generator<Step, boolean> {
    const { templates } = this.options;
    const known = templates.find(state.observationDomain, template.id);
    const entry = yield* templates.learn(state.observationDomain, template);
    state.cost += KNOWN_TEMPLATE_COST;
    if (entry !== known) this.#change(state, template.id, known);
    if (typeof entry === "string") return this.#drop("limit", state, template.id, entry, 0);
    if (known !== undefined && known !== entry) {
      this.#warn(state, template.id, "a template with another layout replaces it");
    }
    if (entry.kind === "refused") return false;
    this.#announce(state, index, setId, entry.shared.announcement, entry.shared.targetId, false);
    return entry.shared.identity;
  }

  *#withdraw(
    id: number,
    kind: TemplateKind,
    index: number,
    setId: number,
    state: PlanState,
  ): Generator<Step, boolean> {
    state.cost += WITHDRAWAL_COST;
    const { templates, reliable, target: { dialect } } = this.options;
    if (!reliable) return this.#warn(state, id, "a withdrawal over UDP is ignored");
    const isOfAll = id < MINIMUM_DATA_SET_ID;
    if (isOfAll && id !== setId) {
      return this.#warn(state, id, `the withdrawal of id ${id} in a set ${setId} is ignored`);
    }
    const known = templates.domains.get(state.observationDomain)?.templates ?? new Map<number, TemplateEntry>();
    const isOptions = kind === "options-template";
    const isOfKind = (entry: TemplateEntry | undefined) =>
      entry !== undefined && (entry.source.scopeFieldCount > 0) === isOptions;
    if (!isOfAll && !isOfKind(known.get(id))) {
      return this.#warn(state, id, "the withdrawal of an unknown template is ignored");
    }
    if (isOfAll) state.cost += known.size * SCOPE_COST_OF_TEMPLATE;
    const ids = isOfAll ? [...known].filter(([, entry]) => isOfKind(entry)).map(([template]) => template) : [id];
    let verbatim = !isOfAll; // of all templates the collector may have some, or none
    for (const template of ids) {
      const entry = templates.withdraw(state.observationDomain, template);
      if (entry !== undefined) this.#change(state, template, entry);
      // Where sessions share ids, others may still send records by this one.
      const goesOut = entry?.kind === "accepted" && dialect.withdrawals && !entry.shared.sharesIds;
      if (goesOut) {
        this.#announce(state, index, setId, encodeWithdrawal(entry.shared.targetId, kind), entry.shared.targetId, true);
      }
      if (!goesOut || !entry.shared.identity) verbatim = false;
      if (isOfAll) yield WITHDRAWAL_COST;
    }
    return verbatim;
  }

  /** The message has changed a template: what comes after it in the message refers to others than what came before. */
  #change(state: PlanState, template: number, before: TemplateEntry | undefined): void {
    state.history.note(template, before);
    state.scope = state.unchanged = undefined;
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

  #readData(set: MessageSet, state: PlanState): boolean {
    if (set.length === 0) return false;
    const { address, start: messageStart } = state.source;
    const entry = this.options.templates.find(state.observationDomain, set.id);
    if (entry?.kind !== "accepted") return this.#dropData(set, state, entry);
    const program = entry.shared.compiled.address;
    const { whole, consumed, records } = walkRecords(program, address + set.contentOffset, address + set.end);
    if (!whole) {
      throw new DecodeError(
        "field_overrun",
        `data record ${records} of template ${set.id} in observation domain ${state.observationDomain} overruns its set`,
        set.contentOffset + consumed,
      );
    }
    if (records === 0) return false;
    const scope = entry.shared.references ? this.#scopeOf(entry, state) : undefined;
    const start = set.contentOffset - messageStart;
    state.items.push({ kind: "data", template: entry, start, end: start + consumed, records, scope });
    state.records += records;
    state.received += records;
    const growth = memoryWords[(program >>> 2) + ProgramWord.growth] ?? 0;
    state.bound += SET_HEADER_LENGTH + consumed + growth * records;
    // How far lists inside the records grow is known once they are mapped.
    if (scope !== undefined) state.bound = this.options.target.maxMessageLength;
    return scope === undefined && entry.shared.identity && (consumed === set.length || entry.shared.dialect.setPadding);
  }

  /** Data of a template that was never announced, or was refused. */
  #dropData(set: MessageSet, state: PlanState, entry: RefusedTemplate | undefined): false {
    const layout = entry === undefined ? undefined : recordLayout(entry.source);
    if (entry === undefined || layout === undefined || layout.smallest === 0) {
      state.dropped = true;
      state.certain = false;
      state.undecodable++;
      const { reason, message } = entry ?? { reason: "unknown_template", message: "data before its template" };
      return this.#drop(reason, state, set.id, message, 1);
    }
    const records = countRecords(state.source.octets, set, layout, state.observationDomain);
    if (records === 0) return false;
    state.cost += records * layout.steps * COUNT_COST;
    state.received += records;
    state.dropped = true;
    return this.#drop(entry.reason, state, set.id, entry.message, records);
  }

  /**
   * The templates that the records refer to, as they stand at this place of the message; undefined where every
   * reference is right as it is.
   */
  #scopeOf(entry: AcceptedTemplate, state: PlanState): ReferenceScope | undefined {
    const templates = this.options.templates.domains.get(state.observationDomain)?.templates;
    if (state.unchanged === undefined) state.cost += (templates?.size ?? 0) * SCOPE_COST_OF_TEMPLATE;
    state.unchanged ??= [...templates?.values() ?? []].every((other) =>
      other.kind === "accepted" && other.shared.identity
    );
    if (state.unchanged && acceptsAnything(entry.shared.dialect)) return undefined;
    return state.scope ??= state.history.scope;
  }

  #warn(state: PlanState, template: number, message: string): false {
    this.options.events.notify({ event: "warning", observationDomain: state.observationDomain, template, message });
    return false;
  }

  #drop(reason: DropReason, state: PlanState, template: number, message: string, records: number): false {
    this.options.events.drop(reason, state.observationDomain, template, message, records);
    return false;
  }
}

/**
 * Counts the records of a set that does not go out.
 *
 * @throws DecodeError `field_overrun` where a record overruns the set
 */
function countRecords(octets: Uint8Array, set: MessageSet, layout: RecordLayout, observationDomain: number): number {
  try {
    return layout.count(new OctetReader(octets, set.contentOffset, set.end));
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

/** What has been found of a message so far; the fields of {@link MessagePlan}, and what reading it needs. */
interface PlanState {
  readonly observationDomain: number;
  readonly source: Readonly<MessageSource>;
  /** What the step in hand has cost. */
  cost: number;
  readonly items: PlanItem[];
  records: number;
  received: number;
  undecodable: number;
  certain: boolean;
  dropped: boolean;
  bound: number;
  /** What it has changed of the domain's templates. */
  readonly history: TemplateHistory;
  /** The domain's templates at this place; undefined: not asked for since they last changed. */
  scope: ReferenceScope | undefined;
  /** Whether every template of the domain goes out verbatim, so that references to them stay right; undefined: unknown. */
  unchanged: boolean | undefined;
}
