/**
 * States a rule of the protocol as a test: what comes in, and all that may come out, to the octet.
 *
 * @module
 */
import assert from "node:assert/strict";
import { loadProfile } from "../../src/config/profiles/profiles.ts";
import type { RejectReason } from "../../src/ipfix/octets/decode_error.ts";
import { Counters } from "../../src/mediation/templates/counters.ts";
import type { Dialect } from "../../src/mediation/mapping/profile/dialect.ts";
import type {
  DropReason,
  MediationEvent,
  ReferenceFault,
  TemplateOutcome,
} from "../../src/mediation/templates/event.ts";
import type { Mediator, MediatorOptions } from "../../src/mediation/session/mediator.ts";
import type { Plugin } from "../../src/mediation/mapping/plugin.ts";
import type { Profile } from "../../src/mediation/mapping/profile/profile.ts";
import type { SessionFacts, SessionRewriter } from "../../src/mediation/session/session_rewriter.ts";
import { DialectChecker } from "../support/dialect_checker.ts";
import { rewriteAll, type Rewritten } from "../support/rewrite_all.ts";
import { mediatorOf } from "../support/session.ts";
import {
  field,
  join,
  message,
  number,
  readMessages,
  set,
  templateSet,
  type WireField,
} from "../support/messages/wire.ts";

/** A collector without limits. */
export const RFC = loadProfile("rfc7011");
/** go-ipfix of v0.12 and later. */
export const GO = loadProfile("antrea/v2.5");
/** go-ipfix of v0.5.6 to v0.11: template ids are shared by all sessions. */
export const LEGACY = loadProfile("antrea/v2.2");
/** go-ipfix up to v0.5.5: one message a write. */
export const STREAM_READ = loadProfile("antrea/v1.1");

/** The profile with other limits of its decoder. */
export function withDialect(profile: Profile, limits: Partial<Dialect>): Profile {
  return { ...profile, dialect: { ...profile.dialect, ...limits } };
}

/** What comes in, and all that may come of it. What is not named must not happen. */
export interface Conformance {
  readonly to: Profile;
  /** Messages, in the order in which they come. */
  readonly input: readonly Uint8Array[];
  /** Messages, in the order in which they leave. */
  readonly output: readonly Uint8Array[];
  /** The last message of the input is refused whole, at this octet of it. */
  readonly refused?: { readonly reason: RejectReason; readonly offset: number };
  readonly dropped?: Partial<Record<DropReason, number>>;
  /** All that is told, as {@link describe} writes it; undefined: what templates become only, and nothing but good. */
  readonly events?: readonly string[];
  readonly templates?: Partial<Record<TemplateOutcome, number>>;
  readonly gaps?: number;
  readonly stripped?: Readonly<Record<string, number>>;
  readonly padded?: Readonly<Record<string, number>>;
  readonly lost?: Readonly<Record<string, number>>;
  /** References in records that could not be put right. */
  readonly faults?: Partial<Record<ReferenceFault, number>>;
  readonly facts?: Partial<SessionFacts>;
  readonly options?: Partial<MediatorOptions> & { readonly plugins?: readonly Plugin[] };
}

/** One session and what it has told. */
export interface Opened {
  readonly session: SessionRewriter;
  readonly events: MediationEvent[];
}

/** A session over TCP. */
export function open(mediator: Mediator, facts: Partial<SessionFacts> = {}): Opened {
  const events: MediationEvent[] = [];
  const session = mediator.open({ reliable: true, notify: (event) => void events.push(event), ...facts });
  return { session, events };
}

/**
 * Asserts that the input gives the output and nothing else: octets, counters, events, dialect; however the input is
 * cut. Of a refused message nothing may be left: the session must stand as if it had never come.
 */
export function conforms(conformance: Conformance): void {
  const { input, refused } = conformance;
  const boundaries = input.map((_, index) => join(...input.slice(0, index + 1)).length);
  const cuts = new Set(boundaries.flatMap((end) => [end, end + 1, end + 3, end + 15, end + 16, end + 19, end + 21]));
  const length = boundaries.at(-1) ?? 0;
  run(conformance, []);
  // Each template in a call of its own.
  run(conformance, [], 1);
  run(conformance, [1, 2, 4, 15, 17, ...cuts].filter((cut) => cut <= length).sort((one, other) => one - other));
  if (refused !== undefined) leavesNothing(conformance);
}

function run(conformance: Conformance, arrivals: readonly number[], work = Infinity): void {
  const { to, input, output, refused, facts, options } = conformance;
  const { session, events } = open(mediatorOf(to, options), facts);
  try {
    const rewritten = rewriteAll(session, join(...input), { arrivals, work });
    const good = refused === undefined ? input : input.slice(0, -1);
    assertMessages(rewritten.output, output);
    assert.equal(rewritten.consumed, join(...good).length, "octets consumed");
    assert.deepEqual(
      rewritten.error === undefined ? undefined : { reason: rewritten.error.reason, offset: rewritten.error.offset },
      refused,
      rewritten.error?.message ?? "not refused",
    );
    assertCounters(session.counters, conformance, good.length, rewritten);
    assertEvents(events, conformance.events);
    new DialectChecker(to, facts?.maxMessageLength).writes("only", rewritten.writes);
  } finally {
    session.close();
  }
}

function assertEvents(events: readonly MediationEvent[], expected: readonly string[] | undefined): void {
  const told = events.map(describe);
  if (expected !== undefined) assert.deepEqual(told, expected);
  else assert.deepEqual(told.filter((text) => !text.startsWith("template_mapped")), [], "nothing but good is told");
}

function assertCounters(
  counters: Counters,
  { output, refused, dropped = {}, templates, gaps = 0, stripped, padded, lost = {}, faults = {} }: Conformance,
  messages: number,
  rewritten: Rewritten,
): void {
  assert.deepEqual(plain(counters.recordsDropped), dropped, "recordsDropped");
  assert.deepEqual(
    plain(counters.messagesRejected),
    refused === undefined ? {} : { [refused.reason]: 1 },
    "messagesRejected",
  );
  assert.equal(counters.messagesReceived, messages, "messagesReceived");
  assert.equal(counters.messagesSent, output.length, "messagesSent");
  assert.equal(counters.octetsSent, rewritten.output.length, "octetsSent");
  assert.equal(counters.octetsReceived, rewritten.consumed, "octetsReceived");
  assert.equal(counters.sequenceGaps, gaps, "sequenceGaps");
  assert.deepEqual(plain(counters.informationLost), lost, "informationLost");
  assert.deepEqual(plain(counters.referenceFaults), faults, "referenceFaults");
  if (templates !== undefined) assert.deepEqual(plain(counters.templates), templates, "templates");
  if (stripped !== undefined) assert.deepEqual(plain(counters.fieldsStripped), stripped, "fieldsStripped");
  if (padded !== undefined) assert.deepEqual(plain(counters.fieldsPadded), padded, "fieldsPadded");
}

/** Over UDP the session goes on behind a refused message: nothing of it may show in templates, counters or output. */
function leavesNothing({ to, input, facts, options, refused }: Conformance): void {
  const feed = (messages: readonly Uint8Array[]) => {
    const { session, events } = open(mediatorOf(to, options), { ...facts, reliable: false });
    const outputs = messages.map((octets) => rewriteAll(session, octets).output);
    const rejected = plain(session.counters.messagesRejected);
    const counted = new Counters();
    counted.add(session.counters);
    counted.messagesRejected.clear();
    const templates = session.templates().map(({ mapping: _, ...template }) => template);
    session.close();
    const told = events.map(describe);
    return { rejected, rest: { output: join(...outputs).toHex(), counted, templates, told } };
  };
  const after = [
    message({ observationDomain: 0xfeed }, templateSet({ id: 999, scope: 0, fields: [field("0/2", 8)] })),
    message({ observationDomain: 0xfeed }, set(999, new Uint8Array(8).fill(7))),
  ];
  const good = input.slice(0, -1);
  const withIt = feed([...input, ...after]);
  const without = feed([...good, ...after]);
  assert.deepEqual(withIt.rejected, refused === undefined ? {} : { [refused.reason]: 1 });
  assert.deepEqual(withIt.rest, without.rest, "a refused message leaves a trace");
  assert.ok(withIt.rest.output.endsWith(after.at(-1)?.toHex() ?? "never"), "the session goes on behind it");
}

/** Asserts that the octets are these messages. */
export function assertMessages(octets: Uint8Array, expected: readonly Uint8Array[]): void {
  assert.deepEqual(readable(octets), expected.flatMap(readable));
  assert.deepEqual(octets.toHex(), join(...expected).toHex());
}

/** Messages as text, one line each, for differences that can be read. */
function readable(octets: Uint8Array): string[] {
  return readMessages(octets).map(({ observationDomain, sequenceNumber, exportTime, sets }) => {
    const contents = sets.map(({ id, content }) => {
      const hexadecimal = content.toHex();
      return `${id}:${hexadecimal.length < 400 ? hexadecimal : `${hexadecimal.slice(0, 60)}…${content.length} octets`}`;
    });
    return `domain ${observationDomain} sequence ${sequenceNumber} time ${exportTime} ${contents.join(" ")}`;
  });
}

/** An event in one line. */
export function describe(event: MediationEvent): string {
  const where = `${event.event} ${event.observationDomain}`;
  switch (event.event) {
    case "template_mapped":
      return `${where}/${event.template} → ${event.targetTemplate} ${event.outcome}${
        event.replaced ? " replaced" : ""
      }`;
    case "template_refused":
    case "records_dropped":
      return `${where}/${event.template} ${event.reason}`;
    case "template_collision":
      return `template_collision ${event.observationDomain}/${event.template}`;
    case "template_withdrawn":
      return `${where}/${event.template}`;
    case "plugin_failed":
      return `${where}/${event.template} ${event.plugin}`;
    case "warning":
      return `${where}/${event.template ?? ""}: ${event.message}`;
    case "sequence_gap":
      return `${where}: ${event.expected} → ${event.received}`;
  }
}

/** Counts that are not 0. */
export function plain<Key extends string>(counts: ReadonlyMap<Key, number>): Record<string, number> {
  return Object.fromEntries([...counts].filter(([, count]) => count !== 0));
}

/** A template set of one template. */
export function template(id: number, fields: readonly WireField[], scope = 0): Uint8Array {
  return templateSet({ id, scope, fields });
}

/** A template that every dialect leaves as it is: protocolIdentifier and packetDeltaCount, 9 octets a record. */
export const COUNT: readonly WireField[] = [field("0/4", 1), field("0/2", 8)];

/** A record of {@link COUNT}. */
export function counted(value: number): Uint8Array {
  return join(Uint8Array.of(6), new Uint8Array(7), Uint8Array.of(value));
}

/** The message that announces {@link COUNT} under 256. */
export function announcement(header: Parameters<typeof message>[0] = {}): Uint8Array {
  return message(header, template(256, COUNT));
}

/** A message of records of {@link COUNT}. */
export function data(sequenceNumber: number, ...values: readonly number[]): Uint8Array {
  return message({ sequenceNumber }, set(256, join(...values.map(counted))));
}

/** The event of {@link announcement}, where nothing has to change. */
export const MAPPED = "template_mapped 1/256 → 256 identity";

/** An element that no collector knows. */
export const STRANGE: WireField = field("64512/1", 4);

/** interfaceName, of variable length. */
export const NAME: WireField = field("0/82", 65535);

/** A set that withdraws one template, or with the set id 3 one options template. */
export function withdrawal(id: number, setId = 2): Uint8Array {
  return set(setId, number(id * 0x10000, 4));
}

/** What a shipped profile expects of one family: the list, as fields of a template. */
export function listOf(
  name: string,
  family: "IPv4" | "IPv6" = "IPv4",
): { profile: Profile; fields: readonly WireField[] } {
  const profile = loadProfile(name);
  const list = profile.templates.find(({ name }) => name === family)?.fields ?? [];
  return { profile, fields: list.map(({ element, length }) => field(`${element.pen}/${element.id}`, length)) };
}

/**
 * Milliseconds for what takes a few: far from what a busy machine makes of those, far below what work without a bound
 * takes.
 */
export const PATIENCE = 10_000;

/** A set that is found broken only once all sets before it have been read: a template whose fields leave it. */
export const TORN: Uint8Array = set(2, join(number(999, 2), number(9, 2), new Uint8Array(4)));
