import assert from "node:assert/strict";
import { DEFAULT_CHAIN } from "../../../plugins/mod.ts";
import { antreaProfile, history } from "../../../test/support/messages/antrea.ts";
import { FlowMessages } from "../../../test/end_to_end/peers/flows.ts";
import { Mediator } from "./mediator.ts";

Deno.test("sessions whose templates are the same hold their mappings once; one that names its template otherwise has its own", () => {
  const profile = antreaProfile("v1.15.2");
  const plugins = DEFAULT_CHAIN.map((definition) => definition.create(definition.options.parse({}), profile));
  const treatment = { profile, plugins };
  const mediator = new Mediator({ chooseTreatment: () => treatment, registryHistory: history });
  const output = new Uint8Array(65535);
  const learn = (templates: Uint8Array) => {
    const session = mediator.open({ reliable: true });
    session.rewrite(templates, output);
    return session;
  };
  const messages = [1, 2].map((domain) => new FlowMessages("v2.0.0", domain).templates);
  const [one, other] = messages.map(learn);
  const otherId = messages[0]?.slice() ?? new Uint8Array();
  otherId[21] = 9;
  const third = learn(otherId);
  const mappings = [one, other, third].map((session) => session?.templates()[0]?.mapping);
  assert.ok(mappings[0] !== undefined);
  assert.equal(mappings[1], mappings[0]);
  assert.notEqual(mappings[2], mappings[0]);
  assert.deepEqual(mappings.map((mapping) => mapping?.source.id), [256, 256, 265]);
  assert.deepEqual(mappings[2]?.fields, mappings[0]?.fields);
  for (const session of [one, other, third]) session?.close();
});
