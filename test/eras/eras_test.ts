/**
 * Every template era of the Agent to the collectors of every era, each with its own dialect and registry: IPv4, IPv6
 * and both, values from one end to the other. What comes out is decoded by the collector's own list, position by
 * position.
 */
import assert from "node:assert/strict";
import { antreaProfile, COLLECTORS, type Era, era, ERAS } from "../support/messages/antrea.ts";
import { deliver } from "../support/delivered.ts";
import { DialectChecker } from "../support/dialect_checker.ts";
import { rewriteAll } from "../support/rewrite_all.ts";
import { openSession } from "../support/session.ts";
import { join, layoutOf, message, recordOctets, set, templateSet, type WireField } from "../support/messages/wire.ts";
import { defaultOf, type EraRecord, fieldsOf, recordsOf, ROOM } from "./era_records.ts";

const FAMILIES = [["ipv4"], ["ipv6"], ["ipv4", "ipv6"]] as const;

/** What the Agent of one era sends of one address family, and what the collector must get of it. */
interface Flow {
  readonly id: number;
  readonly source: readonly WireField[];
  readonly target: readonly WireField[];
  readonly records: readonly EraRecord[];
}

function flowOf(agent: Era, release: string, family: "ipv4" | "ipv6", id: number, seed: number): Flow {
  const source = fieldsOf(agent, agent[family]);
  const collector = era(release);
  const target = fieldsOf({ ...collector, releases: { [release]: collector.releases[release] } }, collector[family]);
  return { id, source, target, records: recordsOf(source, seed) };
}

/** The values in the collector's order: the exporter's own, or the default. */
function expectedValues({ source, target }: Flow, { values }: EraRecord): Uint8Array[] {
  return target.map((wanted) => {
    const index = source.findIndex(({ pen, id }) => pen === wanted.pen && id === wanted.id);
    return values[index] ?? defaultOf(wanted);
  });
}

/** Octets of the record as the collector would get it; a length in the long form stays in it. */
function targetLength(flow: Flow, record: EraRecord): number {
  const shortest = (fields: readonly WireField[], values: readonly Uint8Array[]) => recordOctets(fields, values).length;
  const isLong = record.octets.length > shortest(flow.source, record.values);
  const lengths = flow.target.map(({ pen, id, length }, position) => {
    const value = expectedValues(flow, record)[position]?.length ?? 0;
    if (length !== 65535) return length;
    const kept = flow.source.some((field) => field.pen === pen && field.id === id);
    return value + (value > 254 || (isLong && kept) ? 3 : 1);
  });
  return lengths.reduce((sum, one) => sum + one, 0);
}

ERAS.forEach((agent, agentIndex) => {
  COLLECTORS.forEach((release, collectorIndex) => {
    Deno.test(`an Agent of ${agent.since} to ${agent.until}, a collector of ${release}: all that both know arrives as it was`, () => {
      const profile = antreaProfile(release);
      for (const families of FAMILIES) {
        const flows = families.map((family, index) =>
          flowOf(agent, release, family, 256 + index, agentIndex * 100 + collectorIndex * 3 + index)
        );
        let sequenceNumber = 0;
        const stream: Uint8Array[] = [];
        const expected: { layout: string; values: string[] }[] = [];
        let dropped = 0;
        for (const { id, source } of flows) {
          stream.push(message({ sequenceNumber }, templateSet({ id, scope: 0, fields: source })));
        }
        for (const round of flows[0]?.records.keys() ?? []) {
          for (const flow of flows) {
            const record = flow.records[round];
            if (record === undefined) continue;
            stream.push(message({ sequenceNumber: sequenceNumber++ }, set(flow.id, record.octets)));
            if (targetLength(flow, record) > ROOM) dropped++;
            else {
              expected.push({
                layout: layoutOf({ id: 0, scope: 0, fields: flow.target }),
                values: expectedValues(flow, record).map((value) => value.toHex()),
              });
            }
          }
        }
        const { session } = openSession(profile);
        const octets = join(...stream);
        const { output, writes, consumed } = rewriteAll(session, octets);
        const { items } = deliver(output);
        const records = items.filter(({ kind }) => kind === "record");
        assert.equal(consumed, octets.length);
        assert.deepEqual(records.map(({ layout, values }) => ({ layout, values })), expected);
        assert.equal(items.length - records.length, flows.length, "each template once");
        assert.equal(session.counters.recordsDropped.get("record_too_long") ?? 0, dropped);
        assert.equal(session.counters.recordsSent + dropped, session.counters.recordsReceived);
        new DialectChecker(profile).writes("only", writes);
        session.close();
      }
    });
  });
});

Deno.test("the longest record that comes in is dropped somewhere, and arrives elsewhere", () => {
  const isDropped = (agent: Era, release: string) => {
    const flow = flowOf(agent, release, "ipv4", 256, 0);
    return flow.records.some((record) => targetLength(flow, record) > ROOM);
  };
  const all = ERAS.flatMap((agent) => COLLECTORS.map((release) => isDropped(agent, release)));
  assert.deepEqual([all.includes(true), all.includes(false)], [true, true]);
});
