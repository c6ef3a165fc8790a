import { MESSAGE_HEADER_LENGTH, writeMessageHeader } from "../../../ipfix/message/message_header.ts";
import { SET_HEADER_LENGTH, writeSetHeader } from "../../../ipfix/message/set.ts";
import type { Announcements } from "../../templates/announcements.ts";
import type { Dialect } from "../../mapping/profile/dialect.ts";
import type { MessagePlan, PlanItem } from "./message_plan.ts";
import type { RecordMapper } from "../../references/record_mapper.ts";
import { type MappedRecord, type ReferenceScope, Unmappable } from "../../references/reference_scope.ts";
import { memoryLongs, memoryOctets, memoryWords } from "../../program/loop/memory.ts";
import { recordLength, rewriteRecords } from "../../program/loop/rewrite_loop.ts";
import { ProgramWord } from "../../program/rewrite_program.ts";
import type { SessionEvents } from "../session_events.ts";
import type { Work } from "./message_reading.ts";
import { MESSAGE_OVERHEAD } from "../../templates/template_message.ts";
import type { AcceptedTemplate } from "../../templates/template_entry.ts";

/**
 * Work that a call may do of a message in any case, in units of about a microsecond. Past it the message goes on in
 * another one, which an ordinary message is not to do.
 */
const LEAST_WORK = 1_000;
/** What it costs to write a set, and to map a record and each value in it that refers to a template. */
const ITEM_COST = 0.5;
const RECORD_COST = 1.5;
const VALUE_COST = 0.5;
/** The same for a record that turns out too long, and for each octet by which it may grow. */
const TOO_LONG_COST = 1;
const GROWTH_COST = 0.005;

/** Output buffer: a range of the rewrite loop's memory, filled from `at` onwards. */
export interface Output {
  readonly start: number;
  readonly end: number;
  at: number;
  messages: number;
  records: number;
}

/** Dependencies that the session provides to the writer. */
export interface WriterOptions {
  /** Limits on the output, read anew for each message. */
  readonly target: { readonly dialect: Dialect; readonly maxMessageLength: number };
  readonly announcements: Announcements;
  /** Address of a scratch area of `SCRATCH_LENGTH` octets. */
  readonly scratch: number;
  /** Maps records that refer to templates. */
  readonly mapper: RecordMapper;
  readonly events: Pick<SessionEvents, "drop" | "countFaults">;
}

/**
 * Writes one planned message as one or more messages that fit the dialect. Pauses when the output is full and resumes
 * with the next one.
 */
export class MessageWriter {
  readonly #options: WriterOptions;
  #plan: MessagePlan | undefined;
  #item = 0;
  /** Octets of the current data item already written or dropped. */
  #offset = 0;
  /** Whether data of this message was dropped: from then on, sequence numbers count what is actually sent. */
  #departed = false;
  /** The mapped record at the current offset, if it did not fit into the previous message. */
  #held: MappedRecord | undefined;
  #written = 0;
  /** Work left to the present call. */
  #left = 0;
  /** Data records of the plan already written, or dropped and counted. */
  #done = 0;
  // Addresses within the message being written.
  #message = 0;
  #set = 0;
  #setId = 0;
  #setSource = -1;
  #setRecords = 0;
  #sets = 0;
  #records = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  begin(plan: MessagePlan): void {
    this.#plan = plan;
    this.#item = 0;
    this.#offset = 0;
    this.#written = 0;
    this.#done = 0;
    this.#departed = plan.dropped;
    this.#message = 0;
  }

  /** Data records of the current message that have not been written yet. */
  get remaining(): number {
    return this.#plan === undefined ? 0 : this.#plan.records - this.#done;
  }

  /** Abandons the current message. Returns the number of its data records that were not written. */
  abandon(): number {
    const records = this.remaining;
    this.#plan = undefined;
    return records;
  }

  /**
   * Continues writing.
   *
   * @param source address of the planned message's first octet
   * @param work from which what this costs is taken; once it is used up, others have a turn before the rest
   * @returns whether the whole message has been written
   */
  write(source: number, output: Output, work: Work = { left: Infinity }): boolean {
    const plan = this.#plan;
    if (plan === undefined) return true;
    if (plan.relay) return this.#relay(plan, source, output);
    this.#held = undefined; // its addresses may have changed
    this.#left = Math.max(work.left, LEAST_WORK);
    const before = this.#left;
    const isWritten = this.#write(plan, source, output);
    if (before < Infinity) work.left -= before - this.#left;
    return isWritten;
  }

  #write(plan: MessagePlan, source: number, output: Output): boolean {
    const needed = Math.min(this.#options.target.maxMessageLength, plan.bound);
    while (this.#item < plan.items.length || (this.#written === 0 && this.#message === 0)) {
      if (this.#left <= 0) {
        this.#pause(plan, output);
        return false;
      }
      if (this.#message === 0) {
        if (output.messages >= this.#options.target.dialect.messagesPerWrite || output.end - output.at < needed) {
          return false;
        }
        this.#open(output);
      }
      const item = plan.items[this.#item];
      if (item === undefined) break;
      this.#left -= ITEM_COST;
      const fits = item.kind === "announcement"
        ? this.#announce(plan, item, output)
        : this.#data(plan, item, source, output);
      if (!fits) this.#close(plan, output);
    }
    if (this.#message !== 0) this.#close(plan, output);
    this.#plan = undefined;
    return true;
  }

  #relay(plan: MessagePlan, source: number, output: Output): boolean {
    if (output.messages >= this.#options.target.dialect.messagesPerWrite || output.end - output.at < plan.length) {
      return false;
    }
    memoryOctets.copyWithin(output.at, source, source + plan.length);
    if (plan.domain?.sequence.counted === true) this.#writeSequence(output.at, plan.domain.sequence.next(plan.records));
    for (const item of plan.items) {
      if (item.kind === "announcement") this.#note(plan, item, output.at - output.start);
      else countRecords(item.template, item.records);
    }
    output.at += plan.length;
    output.messages++;
    output.records += plan.records;
    this.#plan = undefined;
    return true;
  }

  #open(output: Output): void {
    this.#message = output.at;
    output.at += MESSAGE_HEADER_LENGTH;
    this.#set = 0;
    this.#setSource = -1;
    this.#sets = 0;
    this.#records = 0;
  }

  /** Leaves the rest of the plan to a later call and another message. */
  #pause(plan: MessagePlan, output: Output): void {
    if (this.#message === 0) return;
    if (this.#sets > 0) return this.#close(plan, output);
    output.at = this.#message;
    this.#message = 0;
  }

  get #limit(): number {
    return this.#message + this.#options.target.maxMessageLength;
  }

  #room(output: Output): number {
    return Math.min(this.#limit, output.end) - output.at;
  }

  /** Opens a set. Returns false if it does not fit into this message. */
  #openSet(id: number, source: number, least: number, output: Output): boolean {
    this.#closeSet(output);
    if (this.#sets >= this.#options.target.dialect.setsPerMessage || this.#room(output) < SET_HEADER_LENGTH + least) {
      return false;
    }
    this.#set = output.at;
    this.#setId = id;
    this.#setSource = source;
    this.#setRecords = 0;
    this.#sets++;
    output.at += SET_HEADER_LENGTH;
    return true;
  }

  #closeSet(output: Output): void {
    if (this.#set === 0) return;
    if (this.#setRecords === 0) {
      output.at = this.#set;
      this.#sets--;
    } else writeSetHeader(memoryOctets, this.#set, this.#setId, output.at - this.#set);
    this.#set = 0;
    this.#setSource = -1;
  }

  #announce(plan: MessagePlan, item: PlanItem & { kind: "announcement" }, output: Output): boolean {
    const { length } = item.octets;
    const together = this.#set !== 0 && this.#setSource === item.set &&
      this.#setRecords < this.#options.target.dialect.templateRecordsPerSet && this.#room(output) >= length;
    if (!together && !this.#openSet(item.setId, item.set, length, output)) return false;
    memoryOctets.set(item.octets, output.at);
    this.#note(plan, item, this.#message - output.start);
    output.at += length;
    this.#setRecords++;
    this.#item++;
    return true;
  }

  #note(plan: MessagePlan, item: PlanItem & { kind: "announcement" }, offset: number): void {
    const { observationDomain } = plan;
    const { announcements } = this.#options;
    const { targetId, setId, octets, withdrawal } = item;
    if (withdrawal) announcements.withdraw(observationDomain, targetId, setId, offset);
    else announcements.announce({ observationDomain, targetId, setId, octets }, offset);
  }

  #data(plan: MessagePlan, item: PlanItem & { kind: "data" }, source: number, output: Output): boolean {
    const { template } = item;
    if (!this.#openSet(template.shared.targetId, -1, 0, output)) return false;
    if (item.scope !== undefined) return this.#mapData(plan, item, item.scope, source, output);
    const program = template.shared.compiled.address;
    const from = source + item.start + this.#offset;
    const end = source + item.end;
    const limit = Math.min(this.#limit, output.end);
    const { scratch } = this.#options;
    const rewritten = rewriteRecords(program, template.counters, from, end, output.at, limit, scratch);
    const { consumed, produced, records } = rewritten;
    output.at += produced;
    this.#offset += consumed;
    this.#setRecords += records;
    this.#records += records;
    // The message is otherwise empty, so whatever does not fit here fits nowhere.
    const isTooLong = this.#sets === 1 && this.#setRecords === 0;
    this.#closeSet(output);
    if (isTooLong) this.#dropRecord(plan, item, source);
    if (source + item.start + this.#offset < end) return isTooLong;
    this.#item++;
    this.#offset = 0;
    return true;
  }

  /** Maps records that refer to templates into the open set. */
  #mapData(
    plan: MessagePlan,
    item: PlanItem & { kind: "data" },
    scope: ReferenceScope,
    source: number,
    output: Output,
  ): boolean {
    const { mapper, target: { maxMessageLength }, events } = this.#options;
    const { template } = item;
    const end = source + item.end;
    while (source + item.start + this.#offset < end) {
      const from = source + item.start + this.#offset;
      const length = recordLength(template.shared.compiled.address, from, end);
      const record = this.#held ?? mapper.mapRecord(template, scope, from, from + length);
      this.#held = undefined;
      this.#left -= RECORD_COST + VALUE_COST * mapper.values;
      const isTooLong = !(record instanceof Unmappable) && record.octets.length + MESSAGE_OVERHEAD > maxMessageLength;
      if (record instanceof Unmappable || isTooLong) {
        const [reason, message] = record instanceof Unmappable
          ? [record.reason, record.message] as const
          : ["record_too_long", tooLong(maxMessageLength)] as const;
        this.#departed = true;
        this.#done++;
        events.drop(reason, plan.observationDomain, template.source.id, message, 1);
      } else if (record.octets.length > this.#room(output)) {
        this.#held = record;
        this.#closeSet(output);
        return false;
      } else {
        memoryOctets.set(record.octets, output.at);
        output.at += record.octets.length;
        this.#setRecords++;
        this.#records++;
        mapper.count(record);
        events.countFaults(record, plan.observationDomain, template.source.id, source);
      }
      this.#offset += length;
      if (this.#left > 0 || source + item.start + this.#offset === end) continue;
      this.#closeSet(output);
      return true;
    }
    this.#closeSet(output);
    this.#item++;
    this.#offset = 0;
    return true;
  }

  #dropRecord(plan: MessagePlan, item: PlanItem & { kind: "data" }, source: number): void {
    const { source: template, shared: { compiled } } = item.template;
    this.#offset += recordLength(compiled.address, source + item.start + this.#offset, source + item.end);
    this.#left -= TOO_LONG_COST + GROWTH_COST * (memoryWords[(compiled.address >>> 2) + ProgramWord.growth] ?? 0);
    this.#departed = true;
    this.#done++;
    const message = tooLong(this.#options.target.maxMessageLength);
    this.#options.events.drop("record_too_long", plan.observationDomain, template.id, message, 1);
  }

  #close(plan: MessagePlan, output: Output): void {
    this.#closeSet(output);
    const start = this.#message;
    this.#message = 0;
    const isNothing = this.#sets === 0 && (!this.#options.target.dialect.emptyMessages || this.#written > 0);
    const isWhole = this.#written === 0 && this.#item >= plan.items.length;
    const sequence = plan.domain?.sequence;
    if (this.#departed || (!isNothing && !isWhole)) sequence?.depart(plan.sequenceNumber, plan.received);
    if (isNothing) {
      output.at = start;
      this.#written++;
      return;
    }
    writeMessageHeader(memoryOctets, start, {
      version: 10,
      length: output.at - start,
      exportTime: plan.exportTime,
      sequenceNumber: sequence?.counted === true ? sequence.next(this.#records) : plan.sequenceNumber,
      observationDomainId: plan.observationDomain,
    });
    this.#written++;
    this.#done += this.#records;
    output.messages++;
    output.records += this.#records;
  }

  #writeSequence(message: number, sequence: number): void {
    new DataView(memoryOctets.buffer).setUint32(message + 8, sequence);
  }
}

/** Counts records the way the rewrite loop counts those that it rewrites. */
function countRecords({ counters }: AcceptedTemplate, records: number): void {
  memoryLongs[counters >>> 3] = (memoryLongs[counters >>> 3] ?? 0n) + BigInt(records);
}

function tooLong(maxMessageLength: number): string {
  return `a single record exceeds a message of ${maxMessageLength} octets`;
}
