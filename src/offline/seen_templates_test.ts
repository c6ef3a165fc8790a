import assert from "node:assert/strict";
import { concatenate } from "../ipfix/octets/concatenate.ts";
import { unknownElement } from "../ipfix/registry/information_element.ts";
import { MessageBuilder } from "../../test/support/messages/message_builder.ts";
import type { Template } from "../ipfix/record/template.ts";
import { registryHistory } from "../config/profiles/registries.ts";
import { SeenTemplates, TooManyTemplates } from "./seen_templates.ts";

function template(id: number, ...names: readonly string[]): Template {
  const fields = names.map((name) => {
    const element = registryHistory().newest.byName(name) ?? assert.fail(name);
    return { element, length: element.length };
  });
  return { id, fields, scopeFieldCount: 0 };
}

const inDomain = (observationDomainId: number) => new MessageBuilder({ observationDomainId });

async function see(...messages: readonly MessageBuilder[]): Promise<SeenTemplates> {
  const seen = new SeenTemplates();
  for (const message of messages) await seen.take(message.build());
  return seen;
}

const layouts = ({ templates }: SeenTemplates) =>
  templates.map(({ observationDomain, template: { id, fields } }) =>
    [observationDomain, id, ...fields.map(({ element }) => element.name)].join(" ")
  );

Deno.test("templates come in the order in which they were first seen, each id of each domain once", async () => {
  const seen = await see(
    inDomain(2).templateSet([template(300, "flowId"), template(256, "vlanId")]),
    inDomain(1).templateSet([template(300, "flowId")]).optionsTemplateSet([{
      ...template(301, "flowId"),
      scopeFieldCount: 1,
    }]),
    inDomain(2).templateSet([template(256, "vlanId")]),
  );
  assert.deepEqual(layouts(seen), ["2 300 flowId", "2 256 vlanId", "1 300 flowId", "1 301 flowId"]);
});

Deno.test("every layout that an id has had stays, once: the collector took them all", async () => {
  const seen = await see(
    inDomain(1).templateSet([template(256, "flowId"), template(257, "vlanId")]),
    inDomain(1).templateSet([template(256, "flowId", "vlanId")]),
    inDomain(1).templateSet([{ withdraw: 256 }, template(256, "flowId"), template(257, "vlanId")]),
  );
  assert.deepEqual(layouts(seen), ["1 256 flowId", "1 257 vlanId", "1 256 flowId vlanId"]);
});

Deno.test("a template that is withdrawn stays: the collector took it", async () => {
  const seen = await see(
    inDomain(1).templateSet([template(256, "flowId")]),
    inDomain(1).templateSet([{ withdraw: 2 }]),
  );
  assert.deepEqual(layouts(seen), ["1 256 flowId"]);
});

Deno.test("it says how many octets of whole messages it took", async () => {
  const message = inDomain(1).templateSet([template(256, "flowId")]).build();
  const seen = new SeenTemplates();
  const octets = concatenate([message, message]);
  assert.equal(await seen.take(octets), message.length);
  assert.equal(await seen.take(octets.subarray(message.length)), message.length);
  assert.equal(await seen.take(octets.subarray(0, message.length - 1)), undefined);
  assert.equal(seen.taken, 2 * message.length);
});

Deno.test("a flood of templates, or of fields in them, ends in an error, not in memory", async () => {
  const seen = new SeenTemplates();
  await assert.rejects(async () => {
    for (let domain = 0; domain < 2000; domain++) {
      await seen.take(inDomain(domain).templateSet([template(256, "flowId")]).build());
    }
  }, TooManyTemplates);
  assert.equal(seen.templates.length, 1001);
  const fields = Array.from({ length: 16_000 }, (_, id) => ({ element: unknownElement(0, id), length: 1 }));
  const wide = new SeenTemplates();
  await assert.rejects(async () => {
    for (let domain = 0; domain < 10; domain++) {
      await wide.take(inDomain(domain).templateSet([{ id: 256, fields, scopeFieldCount: 0 }]).build());
    }
  }, TooManyTemplates);
  assert.equal(wide.templates.length, 5);
});
