import { defaultOctets } from "../ipfix/types/value.ts";
import type { Profile, ProfileTemplate } from "../mediation/mapping/profile/profile.ts";
import type { SentFlow } from "./agent_messages.ts";
import { type CollectedValue, decodeValue } from "./collected_value.ts";
import type { CollectedRecord } from "./fragile_collector.ts";

/** How a Flow Aggregator of a release treats a record that does not match its own list exactly. */
export type Expectation = "exact-list" | "by-name";

/** Up to v2.3 an Aggregator's own export selects fields by place or count, from v2.4 (go-ipfix v0.16) by name. */
export function expectationOf({ registry }: Profile): Expectation {
  const minor = /^go-ipfix\/v0\.(\d+)\./.exec(registry.name)?.[1];
  return minor !== undefined && Number(minor) >= 16 ? "by-name" : "exact-list";
}

/**
 * Returns what is wrong with a record that the Aggregator accepted; undefined if every value is what the Agent sent,
 * and each element that the Agent lacks has its type's default. It compares the two lists alone, without knowledge of
 * mappings.
 */
export function wrongAbout(flow: SentFlow, record: CollectedRecord, collector: Profile): string | undefined {
  const expected = collector.templates.find(({ name }) => name === flow.template);
  if (expected === undefined) return `the Aggregator has no list for ${flow.template}`;
  if (expectationOf(collector) === "exact-list") {
    const wrongList = wrongOrder(record, expected);
    if (wrongList !== undefined) return wrongList;
  }
  const arrived = new Map(record.fields);
  for (const { element } of expected.fields) {
    const wanted = flow.values.get(element.name) ??
      decodeValue(element, defaultOctets(element.type, element.length));
    const got = arrived.get(element.name) ?? (flow.values.has(element.name) ? undefined : wanted);
    if (String(got) !== String(wanted)) return `${element.name} is ${show(got)}, ${show(wanted)} was sent`;
  }
  return undefined;
}

function wrongOrder(record: CollectedRecord, expected: ProfileTemplate): string | undefined {
  if (record.fields.length !== expected.fields.length) {
    return `the Aggregator cannot export it: field count of data (${record.fields.length}) does not match its template (${expected.fields.length})`;
  }
  const place = record.fields.findIndex(([name], index) => name !== expected.fields[index]?.element.name);
  if (place === -1) return undefined;
  return `the Aggregator cannot export it: field ${place + 1} is ${record.fields[place]?.[0]}, ${
    expected.fields[place]?.element.name
  } is expected there`;
}

function show(value: CollectedValue | undefined): string {
  return value === undefined ? "missing" : typeof value === "string" ? JSON.stringify(value) : String(value);
}
