import assert from "node:assert/strict";
import { history, rfc7011 } from "../../../test/support/messages/antrea.ts";
import { rewriteAll } from "../../../test/support/rewrite_all.ts";
import { field, message, templateSet } from "../../../test/support/messages/wire.ts";
import { MappingMemo } from "./mapping_memo.ts";
import { Mediator } from "../session/mediator.ts";
import { identity, type TemplateMapping } from "./template_mapping.ts";

const mapping = (): TemplateMapping => identity({ id: 256, fields: [], scopeFieldCount: 0 });

Deno.test("a mapping is made once for equal inputs; the least recently used one is forgotten first", () => {
  const memo = new MappingMemo();
  let asked = 0;
  const ask = (question: number) => {
    const known = memo.recall(String(question));
    if (known !== undefined) return known;
    asked++;
    const answer = mapping();
    memo.remember(String(question), answer);
    return answer;
  };
  const first = ask(0);
  assert.equal(ask(0), first);
  assert.equal(asked, 1);
  for (let question = 1; question < 256; question++) ask(question);
  ask(0);
  ask(256);
  assert.equal(ask(0), first);
  assert.equal(asked, 257);
  ask(1);
  assert.equal(asked, 258, "1 had to go");
  memo.clear();
  assert.notEqual(ask(0), first);
});

Deno.test("sessions whose templates, treatment, release and address family are the same run their chain once", () => {
  let runs = 0;
  const plugin = { name: "counting", rewrite: (mapping: TemplateMapping) => (runs++, mapping) };
  const [one, other] = [0, 1].map(() => ({ profile: rfc7011, plugins: [plugin] }));
  assert.ok(one !== undefined && other !== undefined);
  const mediator = new Mediator({
    chooseTreatment: ({ observationDomain }) => observationDomain === 9 ? other : one,
    detectRelease: ({ fields }) => fields.length === 1 ? "antrea/v2.0" : undefined,
    registryHistory: history,
  });
  const send = (address: string, id: number, observationDomain: number, ...elements: string[]) => {
    const fields = elements.map((name) => field(name, 1));
    rewriteAll(
      mediator.open({ reliable: true, address }),
      message({ observationDomain }, templateSet({ id, scope: 0, fields })),
    );
    return runs;
  };
  assert.equal(send("192.0.2.1", 256, 1, "0/4"), 1);
  assert.equal(send("192.0.2.2", 256, 1, "0/4"), 1);
  assert.equal(send("192.0.2.2", 256, 2, "0/4"), 1, "the domain alone changes nothing");
  assert.equal(send("192.0.2.2", 257, 1, "0/4"), 2, "a mapping is of one template id");
  assert.equal(send("2001:db8::1", 256, 1, "0/4"), 3, "an exporter without an IPv4 address");
  assert.equal(send("192.0.2.1", 256, 9, "0/4"), 4, "another treatment");
  assert.equal(send("192.0.2.1", 256, 1, "0/5"), 5, "another template");
  const many = Array.from({ length: 300 }, () => "0/4");
  assert.equal(send("192.0.2.1", 256, 1, ...many), 6);
  assert.equal(send("192.0.2.1", 256, 1, ...many), 7, "what is that long is not remembered");
});
