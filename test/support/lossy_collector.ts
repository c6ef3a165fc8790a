import assert from "node:assert/strict";
import type { Profile } from "../../src/mediation/mapping/profile/profile.ts";
import type { SessionRewriter } from "../../src/mediation/session/session_rewriter.ts";
import { deliver, type Delivered } from "./delivered.ts";
import { DialectChecker } from "./dialect_checker.ts";
import { join, readNumber } from "./messages/wire.ts";

/**
 * A connection to the collector that ends: in this of its writes, after so many of that write's octets (modulo what it
 * has).
 */
export interface Loss {
  readonly write: number;
  readonly octets: number;
}

/**
 * Drives a session towards a collector whose connections are lost one after the other, as the proxy does: each next one
 * begins with what the one before did not take whole. Gives the whole messages that each connection took, write by
 * write.
 */
export function rewriteWithLosses(
  session: SessionRewriter,
  octets: Uint8Array,
  losses: readonly Loss[],
): Uint8Array[][] {
  const buffer = new Uint8Array(65535);
  const connections: Uint8Array[][] = [[]];
  const remaining = [...losses];
  let consumed = 0;
  for (;;) {
    const produced = session.rewrite(octets.subarray(consumed), buffer).slice();
    consumed += session.consumed;
    if (session.consumed === 0 && produced.length === 0) break;
    if (produced.length === 0) continue;
    const writes = connections.at(-1) ?? [];
    const loss = remaining[0];
    if (loss === undefined || loss.write > writes.length) {
      writes.push(produced);
      continue;
    }
    remaining.shift();
    const whole = wholeMessages(produced, loss.octets % (produced.length + 1));
    if (whole > 0) writes.push(produced.slice(0, whole));
    session.restart(produced.slice(whole));
    connections.push([]);
  }
  return connections;
}

/** Octets of the whole messages among the first so many. */
export function wholeMessages(octets: Uint8Array, taken: number): number {
  let whole = 0;
  while (whole + 4 <= taken && whole + readNumber(octets, whole + 2, 2) <= taken) {
    whole += readNumber(octets, whole + 2, 2);
  }
  return whole;
}

/**
 * Holds what connections took, one after the other, against what one that is never lost takes: each begins with
 * templates as they stood and goes on with the very next thing that the one before did not get, counts from 0, and fits
 * the dialect.
 *
 * @param standing domain and id of all templates that stand in the session in the end
 */
export function assertResumed(
  profile: Profile,
  connections: readonly Uint8Array[][],
  unbroken: Uint8Array,
  standing: ReadonlySet<string>,
): void {
  const expected = deliver(unbroken).items;
  const words = expected.map((item) => JSON.stringify(item));
  const checker = new DialectChecker(profile);
  const domains = new Set<number>();
  /** What may be so: a template sent again looks like one sent for the first time. */
  let states: readonly State[] = [{ arrived: 0, live: new Map() }];
  connections.forEach((writes, index) => {
    const { items, messages } = deliver(join(...writes));
    checker.writes(`connection ${index}`, writes);
    checker.close(`connection ${index}`);
    if (index > 0) assertCounts(messages, domains);
    for (const { observationDomain } of items) domains.add(observationDomain);
    const told = items.map((item) => JSON.stringify(item));
    // The last one is never lost: it has had all that is sent again.
    const isLast = index === connections.length - 1;
    const next = new Map<string, State>();
    for (const { arrived, live } of states) {
      for (const again of replaysOf(items, live)) {
        const rest = told.slice(again);
        if (!rest.every((word, position) => word === words[arrived + position])) continue;
        const sentAgain = [liveAfter(items)];
        // One that was lost before anything new may have been lost before all was sent again.
        if (rest.length === 0 && !isLast) sentAgain.push(live);
        for (const live of sentAgain) {
          const state = { arrived: arrived + rest.length, live };
          next.set(JSON.stringify([state.arrived, [...live].sort()]), state);
        }
      }
    }
    assert.ok(next.size > 0, `connection ${index} goes on elsewhere than the one before ended`);
    states = [...next.values()];
  });
  const whole = states.filter(({ arrived }) => arrived === expected.length);
  const counts = states.map(({ arrived }) => arrived).join(" or ");
  assert.ok(whole.length > 0, `${counts} of ${expected.length} things arrived`);
  const stand = (all: ReadonlyMap<string, string>) =>
    JSON.stringify([...all].filter(([key]) => standing.has(key)).sort());
  const ends = new Set(whole.map(({ live }) => stand(live)));
  assert.ok(ends.has(stand(liveAfter(expected))), `the templates that stand in the end: ${[...ends].join(" or ")}`);
}

/** What a collector may have, over all its connections so far. */
interface State {
  /** How many of the things that one connection would have brought. */
  readonly arrived: number;
  /** Which layouts stand under which domain and id. */
  readonly live: ReadonlyMap<string, string>;
}

/**
 * Sequence numbers of a connection that was begun anew: from 0 in every domain that one before had, with or without the
 * message's own records. A domain that is new begins with the exporter's own number.
 */
function assertCounts(messages: ReturnType<typeof deliver>["messages"], domains: ReadonlySet<number>): void {
  const sent = new Map<number, number>();
  for (const { observationDomain, sequenceNumber, records } of messages) {
    const before = sent.get(observationDomain) ?? 0;
    if (domains.has(observationDomain)) {
      assert.ok(
        [before, before + records].includes(sequenceNumber),
        `number ${sequenceNumber} after ${before} records`,
      );
    }
    sent.set(observationDomain, before + records);
  }
}

/** Which layouts stand under which domain and id. */
function liveAfter(items: readonly Delivered[]): ReadonlyMap<string, string> {
  const live = new Map<string, string>();
  for (const { kind, observationDomain, id, layout } of items) {
    const key = `${observationDomain} ${id}`;
    if (kind === "template") live.set(key, layout);
    if (kind === "withdrawal") live.delete(key);
  }
  return live;
}

/** How many items at the beginning may be templates that are sent again. */
function replaysOf(items: readonly Delivered[], live: ReadonlyMap<string, string>): number[] {
  const other = items.findIndex(({ kind, observationDomain, id, layout }) =>
    kind !== "template" || live.get(`${observationDomain} ${id}`) !== layout
  );
  const most = Math.min(live.size, other < 0 ? items.length : other);
  return Array.from({ length: most + 1 }, (_, again) => again);
}
