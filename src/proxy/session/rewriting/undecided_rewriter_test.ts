import assert from "node:assert/strict";
import { loadProfile } from "../../../config/profiles/profiles.ts";
import { antreaEras, detectAntreaRelease } from "../../../config/profiles/antrea_eras.ts";
import { registryHistory } from "../../../config/profiles/registries.ts";
import { AgentMessages, fnv1 } from "../../../demo/agent_messages.ts";
import { concatenate } from "../../../ipfix/octets/concatenate.ts";
import type { FirstTemplate } from "../../../mediation/mapping/chain/treatment.ts";
import { Mediator } from "../../../mediation/session/mediator.ts";
import { LoopBufferPool } from "../../memory/buffer_pool.ts";
import { UndecidedRewriter } from "./undecided_rewriter.ts";

const OUTPUT = new Uint8Array(65_536);

function fixture() {
  const profile = loadProfile("antrea/v1.15");
  const mediator = new Mediator({
    chooseTreatment: () => ({ profile, plugins: [] }),
    registryHistory: registryHistory(),
    detectRelease: (template) => detectAntreaRelease(template)?.profile,
  });
  const session = mediator.open({ reliable: true });
  const decided: FirstTemplate[] = [];
  const rewriter = new UndecidedRewriter(session, new LoopBufferPool(), {
    read: (message) => mediator.firstTemplate(message),
    decide: (first) => decided.push(first),
  });
  return { session, rewriter, decided };
}

Deno.test("the first template decides by its domain and release; from there on nothing is taken", () => {
  const { session, rewriter, decided } = fixture();
  const agent = new AgentMessages(loadProfile("antrea/v2.0"), "node");
  const [first = OUTPUT] = agent.templates();
  assert.equal(rewriter.rewrite(first.subarray(0, first.length - 1), OUTPUT).length, 0);
  assert.deepEqual([decided, rewriter.consumed], [[], 0], "no message is whole yet");
  const octets = concatenate([first, agent.flow(0).message]);
  for (let call = 0; call < 2; call++) {
    assert.equal(rewriter.rewrite(octets, OUTPUT).length, 0);
    assert.deepEqual([rewriter.consumed, rewriter.unfinished], [0, false]);
  }
  const era = antreaEras().find(({ profile }) => profile === "antrea/v2.0")?.profile;
  assert.deepEqual(decided, [{ observationDomain: fnv1("node"), detectedProfile: era }]);
  assert.equal(session.counters.recordsReceived, 0);
});

Deno.test("data before any template goes nowhere and is counted", () => {
  const { session, rewriter, decided } = fixture();
  const agent = new AgentMessages(loadProfile("antrea/v2.0"), "node");
  const [template = OUTPUT] = agent.templates();
  let octets = concatenate([agent.flow(0).message, agent.flow(1).message, template]);
  for (let call = 0; call < 2; call++) {
    assert.equal(rewriter.rewrite(octets, OUTPUT).length, 0);
    assert.ok(rewriter.consumed > 0);
    octets = octets.subarray(rewriter.consumed);
  }
  assert.equal(decided.length, 0);
  rewriter.rewrite(octets, OUTPUT);
  assert.deepEqual([decided.length, rewriter.consumed, octets.length], [1, 0, template.length]);
  const { recordsReceived, recordsSent, recordsDropped } = session.counters;
  assert.deepEqual([recordsReceived, recordsSent, [...recordsDropped]], [2, 0, [["unknown_template", 2]]]);
});

Deno.test("a malformed message is refused by the rewriter with its own error", () => {
  for (const change of [(octets: Uint8Array) => octets[1] = 9, (octets: Uint8Array) => octets[18] = 0xff]) {
    const { session, rewriter, decided } = fixture();
    const [template = OUTPUT] = new AgentMessages(loadProfile("antrea/v2.0"), "node").templates();
    const broken = template.slice();
    change(broken);
    assert.throws(() => rewriter.rewrite(broken, OUTPUT), { name: "DecodeError" });
    assert.equal(decided.length, 0);
    assert.equal([...session.counters.messagesRejected.values()].reduce((sum, count) => sum + count, 0), 1);
  }
});
