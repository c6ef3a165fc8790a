import assert from "node:assert/strict";
import { profile, template } from "../../test/support/isolated_plugin.ts";
import { PendingMapping, settled } from "../mediation/mapping/chain/pending_mapping.ts";
import { identity } from "../mediation/mapping/template_mapping.ts";
import { IsolatedPlugin } from "./isolated_plugin.ts";
import type { PluginProcess } from "./plugin_process.ts";
import type { Answer, Question } from "./protocol.ts";
import { RememberedAnswers } from "./remembered_answers.ts";

/** A plugin whose process answers at once, and how often it was asked about a template. */
function pluginOf(answer: (question: Question & { ask: "rewrite" }) => Answer) {
  let asked = 0;
  const process = {
    answers: new RememberedAnswers(),
    ask(question: Question): Promise<Answer> {
      if (question.ask === "create") return Promise.resolve({ value: {} });
      asked++;
      return Promise.resolve(answer(question));
    },
  };
  const another = () => new IsolatedPlugin("own", process as unknown as PluginProcess, 500, profile, {});
  const plugin = another();
  const rewrite = (id: number) =>
    settled(() => plugin.rewrite(identity({ ...template("protocolIdentifier"), id }), { profile, exporterFamily: 4 }));
  return { plugin, another, rewrite, asked: () => asked };
}

Deno.test("a thousand answers are remembered; of more, the oldest are asked for again", async () => {
  const { rewrite, asked } = pluginOf(({ mapping }) => ({ value: mapping }));
  for (let id = 256; id < 256 + 1_100; id++) await rewrite(id);
  assert.equal(asked(), 1_100);
  for (let id = 256 + 100; id < 256 + 1_100; id++) await rewrite(id);
  assert.equal(asked(), 1_100, "the last thousand");
  await rewrite(256);
  assert.equal(asked(), 1_101);
});

Deno.test("answers are remembered up to some 32 MiB: however long and for whichever instance, they do not fill the memory", async () => {
  const { plugin, another, asked } = pluginOf(({ mapping }) => ({
    value: { ...mapping as object, more: "x".repeat(1000) },
  }));
  const long = template(...Array.from({ length: 4_000 }, () => "octetDeltaCount"));
  const rewrite = (id: number) =>
    settled(() => plugin.rewrite(identity({ ...long, id }), { profile, exporterFamily: 4 }));
  for (let id = 256; id < 256 + 30; id++) assert.ok(!("more" in await rewrite(id)), "what is no mapping is not kept");
  await rewrite(256 + 29);
  assert.equal(asked(), 30, "the last ones");
  await rewrite(256);
  assert.equal(asked(), 31);
  for (let instance = 0; instance < 30; instance++) {
    const other = another();
    await settled(() => other.rewrite(identity(long), { profile, exporterFamily: 4 }));
  }
  assert.equal(asked(), 61);
  await rewrite(256);
  assert.equal(asked(), 62, "other instances of the process take the room");
});

Deno.test("what a plugin failed on stands for a while: nobody else waits for it, and it is not asked again", async () => {
  const { plugin, rewrite, asked } = pluginOf(() => ({ error: "it does not like that" }));
  for (let times = 0; times < 3; times++) await assert.rejects(rewrite(256), /does not like/);
  assert.equal(asked(), 1);
  const ask = () => plugin.rewrite(identity(template("sourceTransportPort")), { profile, exporterFamily: 4 });
  assert.throws(ask, PendingMapping);
  assert.throws(ask, PendingMapping);
  assert.equal(asked(), 2, "both wait for one answer");
});
