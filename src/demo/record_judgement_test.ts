import assert from "node:assert/strict";
import { loadProfile } from "../config/profiles/profiles.ts";
import type { Profile } from "../mediation/mapping/profile/profile.ts";
import { AgentMessages } from "./agent_messages.ts";
import type { CollectedValue } from "./collected_value.ts";
import { wrongAbout } from "./record_judgement.ts";

type Fields = [string, CollectedValue][];

/**
 * What is wrong about flow 0 of an Agent where the Aggregator believes these fields; given what a right proxy would
 * send.
 */
function judge(agent: string, collector: Profile, change: (fields: Fields) => Fields): string | undefined {
  const flow = new AgentMessages(loadProfile(agent), "node-1").flow(0);
  const right: Fields = (collector.templates[0]?.fields ?? []).map(({ element }) => [
    element.name,
    flow.values.get(element.name) ?? (element.type === "string" ? "" : 0),
  ]);
  const record = { observationDomain: 1, template: 256, garbage: false, fields: change(right) };
  return wrongAbout(flow, record, collector);
}

const same = (fields: Fields) => fields;

Deno.test("a record with the Aggregator's own list, sent values and defaults is right", () => {
  assert.equal(judge("antrea/v2.0", loadProfile("antrea/v1.15"), same), undefined);
  assert.equal(judge("antrea/v1.15", loadProfile("antrea/v2.0"), same), undefined);
});

Deno.test("one wrong value, one value that is no default, one field too few or in another place is wrong", () => {
  const collector = loadProfile("antrea/v2.0");
  const set = (name: string, value: CollectedValue) => (fields: Fields) =>
    fields.map(([each, old]): [string, CollectedValue] => [each, each === name ? value : old]);
  assert.match(
    judge("antrea/v1.15", collector, set("sourcePodName", "x")) ?? "",
    /^sourcePodName is "x", "frontend-0"/,
  );
  assert.match(judge("antrea/v1.15", collector, set("egressNodeName", "x")) ?? "", /^egressNodeName is "x", ""/);
  assert.match(judge("antrea/v1.15", collector, (fields) => fields.slice(1)) ?? "", /field count of data \(41\)/);
  assert.match(
    judge("antrea/v1.15", collector, ([first, second, ...rest]) => [second, first, ...rest] as Fields) ?? "",
    /field 1 is flowEndSeconds, flowStartSeconds is expected there/,
  );
});

Deno.test("an Aggregator from v2.4 on reads by name, and still notices a value that is missing or wrong", () => {
  const collector = loadProfile("antrea/v2.4");
  assert.equal(judge("antrea/v1.15", collector, (fields) => fields.toReversed()), undefined);
  const without = (name: string) => (fields: Fields) => fields.filter(([each]) => each !== name);
  assert.equal(judge("antrea/v1.15", collector, without("egressNodeName")), undefined);
  assert.match(
    judge("antrea/v1.15", collector, without("egressName")) ?? "",
    /^egressName is missing, "egress-0" was sent/,
  );
});
