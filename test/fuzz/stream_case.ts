import assert from "node:assert/strict";
import { WORK } from "../../src/proxy/session/session_parts.ts";
import { usedOctets } from "../../src/mediation/program/loop/memory.ts";
import type { SessionRewriter } from "../../src/mediation/session/session_rewriter.ts";
import { history } from "../support/messages/antrea.ts";
import { assertAsReference } from "../support/compare.ts";
import { referenceRewrite } from "../support/reference/reference_rewriter.ts";
import { rewriteAll } from "../support/rewrite_all.ts";
import { openSession } from "../support/session.ts";
import { join } from "../support/messages/wire.ts";
import { collectorOf } from "./input/collectors.ts";
import { COLLECTOR_NAMES } from "./input/collectors.ts";
import type { Meter } from "./meter.ts";
import type { Random } from "./input/random.ts";
import { simplerMessages } from "./input/simpler_messages.ts";

/** One exporter's octets and the session that reads them. */
export interface StreamCase {
  readonly collector: string;
  /** False: over UDP, where a session goes on behind what is broken. */
  readonly reliable: boolean;
  readonly maxMessageLength: number;
  readonly outputSize: number;
  readonly inLoopMemory: boolean;
  /** Messages after which a mapping gets a generated function that walks its records. */
  readonly messagesBeforeWalkFunction: number;
  /** Where the stream is cut into arrivals, each modulo its length. */
  readonly cuts: readonly number[];
  readonly messages: readonly Uint8Array[];
}

/** A session around these messages. */
export function drawStreamCase(random: Random, messages: readonly Uint8Array[]): StreamCase {
  return {
    collector: random.pick(COLLECTOR_NAMES),
    reliable: !random.oneIn(3),
    maxMessageLength: random.pick([65535, 65535, 65535, 1024, 512]),
    outputSize: random.pick([65535, 65536, 4 * 65535]),
    inLoopMemory: random.oneIn(2),
    messagesBeforeWalkFunction: random.pick([0, 3, 1024]),
    cuts: random.oneIn(2) ? [] : random.list(random.between(1, 6), () => random.word()),
    messages,
  };
}

/** Holds a session against the slow and obvious rewriter, which shares no code with it. */
export function runStreamCase(one: StreamCase, meter: Meter): void {
  const { collector, reliable, maxMessageLength, messagesBeforeWalkFunction } = one;
  const profile = collectorOf(collector);
  const facts = { reliable, maxMessageLength };
  const octets = join(...one.messages);
  const before = usedOctets();
  const { session } = openSession(profile, facts, { messagesBeforeWalkFunction });
  try {
    const rewritten = rewriteAll(measured(session, meter), octets, {
      outputSize: one.outputSize,
      inLoopMemory: one.inLoopMemory,
      arrivals: one.cuts.map((cut) => cut % (octets.length + 1)).sort((a, b) => a - b),
      work: WORK,
      skipRefused: !reliable,
    });
    const reference = referenceRewrite({ profile, history, ...facts, skipRefused: !reliable }, octets);
    assertAsReference(rewritten, reference, profile, session.counters, maxMessageLength);
  } finally {
    reachStates(session, meter);
    session.close();
  }
  assert.equal(usedOctets(), before, "a closed session leaves nothing in the loop's memory");
}

/** The same session, each of whose calls is a turn. */
export function measured(session: SessionRewriter, meter: Meter): SessionRewriter {
  return new Proxy(session, {
    get(target, key) {
      if (key === "rewrite") {
        return (...parameters: Parameters<SessionRewriter["rewrite"]>) =>
          meter.turn(() => target.rewrite(...parameters));
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** Notes what a session counted. */
export function reachStates({ counters }: SessionRewriter, meter: Meter): void {
  for (const [reason] of counters.recordsDropped) meter.reach(`dropped ${reason}`);
  for (const [reason] of counters.messagesRejected) meter.reach(`rejected ${reason}`);
  for (const [fault] of counters.referenceFaults) meter.reach(`fault ${fault}`);
  for (const [outcome] of counters.templates) meter.reach(`template ${outcome}`);
  if (counters.sequenceGaps > 0) meter.reach("sequence gap");
  if (counters.recordsSent > 0) meter.reach("records sent");
}

/** Octets of a case's messages. */
export function octetsOfStream({ messages }: StreamCase): number {
  return messages.reduce((sum, { length }) => sum + length, 0);
}

/** Simpler sessions first, then simpler messages. */
export function* simplerStreams(one: StreamCase): Iterable<StreamCase> {
  const plain: Partial<StreamCase>[] = [
    { cuts: [] },
    { outputSize: 65535 },
    { inLoopMemory: false },
    { maxMessageLength: 65535 },
    { messagesBeforeWalkFunction: 1024 },
    { reliable: true },
    { collector: "rfc7011" },
  ];
  for (const simpler of plain) {
    const candidate = { ...one, ...simpler };
    if (JSON.stringify({ ...candidate, messages: [] }) !== JSON.stringify({ ...one, messages: [] })) yield candidate;
  }
  for (const messages of simplerMessages(one.messages)) yield { ...one, messages };
}
