import assert from "node:assert/strict";
import { loadProfile } from "../config/profiles/profiles.ts";
import { decodeMessageHeader } from "../ipfix/message/message_header.ts";
import { AgentMessages, fnv1 } from "./agent_messages.ts";
import { FragileCollector, fragileCollectorOptions } from "./fragile_collector.ts";

for (const release of ["antrea/v0.12", "antrea/v1.15", "antrea/v2.0", "antrea/v2.7"]) {
  Deno.test(`an Aggregator of ${release} reads every value of its own Agent, in order`, () => {
    const profile = loadProfile(release);
    const collector = new FragileCollector(fragileCollectorOptions(profile));
    const agent = new AgentMessages(profile, "node-1");
    for (const message of agent.templates()) assert.deepEqual(collector.receive("session", message), []);
    for (const number of [0, 1, 2, 299]) {
      const { values, message, template } = agent.flow(number);
      assert.equal(template, ["IPv4", "IPv6"][number % 2]);
      const [record, ...more] = collector.receive("session", message);
      assert.deepEqual(more, []);
      assert.deepEqual(record?.fields, [...values]);
    }
  });
}

Deno.test("old exporting processes count the current record into the sequence number, new ones do not", () => {
  const sequenceNumbers = (release: string) => {
    const agent = new AgentMessages(loadProfile(release), "node-1");
    const messages = [...agent.templates(), agent.flow(0).message, agent.flow(1).message];
    return messages.map((message) => decodeMessageHeader(message).sequenceNumber);
  };
  assert.deepEqual(sequenceNumbers("antrea/v1.15"), [0, 0, 1, 2]);
  assert.deepEqual(sequenceNumbers("antrea/v2.7"), [0, 0, 0, 1]);
});

Deno.test("the observation domain is the Node name's FNV-1", () => {
  assert.equal(fnv1(""), 0x811c9dc5);
  assert.equal(fnv1("a"), 0x050c5d7e);
  assert.equal(fnv1("foobar"), 0x31f0b262);
});
