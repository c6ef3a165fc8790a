import assert from "node:assert/strict";
import { history, rfc7011 } from "../../../test/support/messages/antrea.ts";
import { field, join, message, set, templateSet } from "../../../test/support/messages/wire.ts";
import { PendingMapping } from "../mapping/chain/pending_mapping.ts";
import type { Plugin } from "../mapping/plugin.ts";
import type { TemplateMapping } from "../mapping/template_mapping.ts";
import { Mediator } from "./mediator.ts";
import type { SessionRewriter } from "./session_rewriter.ts";

/** A plugin that answers once it is told to, for templates that begin with this element; others at once. */
function slow(element = 6) {
  let settle = () => {};
  const settled = new Promise<void>((resolve) => settle = resolve);
  let outcome: "mapping" | "error" | undefined;
  const plugin: Plugin = {
    name: "slow",
    rewrite(mapping: TemplateMapping) {
      if (mapping.source.fields[0]?.element.id !== element || outcome === "mapping") return mapping;
      if (outcome === "error") throw new Error("it did not answer");
      throw new PendingMapping(settled);
    },
  };
  const answer = async (with_: "mapping" | "error") => {
    outcome = with_;
    settle();
    await settled;
  };
  return { plugin, answer };
}

const fast: Plugin = { name: "fast", rewrite: (mapping) => mapping };
const template = (id: number, element: string) =>
  message({}, templateSet({ id, scope: 0, fields: [field(element, element === "0/6" ? 2 : 1)] }));
const SLOW = template(256, "0/6");
const FAST = template(257, "0/5");
const slowData = (sequenceNumber: number) => message({ sequenceNumber }, set(256, Uint8Array.of(0, 1)));
const fastData = (sequenceNumber: number) => message({ sequenceNumber }, set(257, Uint8Array.of(2)));

function opened(plugin: Plugin) {
  const treatment = { profile: rfc7011, plugins: [plugin] };
  const mediator = new Mediator({ chooseTreatment: () => treatment, registryHistory: history });
  return { mediator, open: () => mediator.open({ reliable: true }) };
}

/** Rewrites until nothing more can be done, as a caller does. */
function drive(session: SessionRewriter, input: Uint8Array): { output: Uint8Array; rest: Uint8Array } {
  const output = new Uint8Array(65_536);
  const parts: Uint8Array[] = [];
  let start = 0;
  do {
    parts.push(session.rewrite(input.subarray(start), output).slice());
    start += session.consumed;
  } while (session.consumed > 0 || session.produced > 0);
  return { output: join(...parts), rest: input.subarray(start) };
}

Deno.test("a template whose plugin has not answered waits with what is behind it; other sessions do not", async () => {
  const { plugin, answer } = slow();
  const { open } = opened(plugin);
  const [waits, other] = [open(), open()];
  const first = drive(waits, join(FAST, fastData(0), SLOW, slowData(1), fastData(2)));
  assert.deepEqual(first.output, join(FAST, fastData(0)), "what is before it goes on");
  assert.ok(waits.waiting !== undefined);
  assert.equal(waits.counters.messagesReceived, 2, "the message is not read yet");
  assert.deepEqual(drive(other, join(FAST, fastData(0))).output, join(FAST, fastData(0)));
  assert.equal(other.waiting, undefined);
  await answer("mapping");
  const second = drive(waits, first.rest);
  assert.deepEqual(second.output, join(SLOW, slowData(1), fastData(2)), "in order");
  assert.equal(waits.waiting, undefined);
  for (const session of [waits, other]) session.close();
});

Deno.test("a plugin that does not answer costs only the template that it was asked about", async () => {
  const { plugin, answer } = slow();
  const session = opened(plugin).open();
  const { rest } = drive(session, join(SLOW, FAST, slowData(0), fastData(0)));
  await answer("error");
  const { output } = drive(session, rest);
  assert.deepEqual(
    output,
    join(message({}), FAST, message({}), fastData(0)),
    "in messages without sets, nothing is left",
  );
  assert.deepEqual([...session.counters.recordsDropped], [["mapping_failed", 1]]);
  assert.equal(session.counters.pluginErrors.get("slow"), 1);
  session.close();
});

Deno.test("a template that is redefined keeps its id and layout until the plugin has answered", async () => {
  const { plugin, answer } = slow();
  const session = opened(plugin).open();
  const before = message({}, templateSet({ id: 256, scope: 0, fields: [field("0/4", 1)] }));
  drive(session, join(before, SLOW));
  assert.equal(session.templates()[0]?.targetTemplate, 256);
  assert.equal(session.templates()[0]?.mapping?.source.fields[0]?.element.name, "protocolIdentifier");
  await answer("mapping");
  drive(session, SLOW);
  assert.equal(session.templates()[0]?.mapping?.source.fields[0]?.element.name, "tcpControlBits");
  session.close();
});

Deno.test("after a reload, templates go on as before until the plugin has answered for all of them", async () => {
  const { mediator, open } = opened(fast);
  const session = open();
  drive(session, join(SLOW, slowData(0)));
  const { plugin, answer } = slow();
  mediator.reconfigure({ chooseTreatment: () => ({ profile: rfc7011, plugins: [plugin] }) });
  session.remap();
  assert.deepEqual(drive(session, slowData(1)), { output: new Uint8Array(0), rest: slowData(1) });
  assert.ok(session.waiting !== undefined);
  await answer("mapping");
  assert.deepEqual(drive(session, slowData(1)).output, slowData(1));
  session.close();
});

Deno.test("prepare waits for what renew needs", async () => {
  const { mediator, open } = opened(fast);
  const session = open();
  drive(session, SLOW);
  const { plugin, answer } = slow();
  mediator.reconfigure({ chooseTreatment: () => ({ profile: { ...rfc7011, name: "other" }, plugins: [plugin] }) });
  const prepared = session.prepare();
  assert.ok(prepared !== undefined);
  await answer("mapping");
  await prepared;
  assert.equal(session.prepare(), undefined);
  session.renew();
  assert.equal(session.templates()[0]?.outcome, "identity");
  session.close();
});
