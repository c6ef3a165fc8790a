import assert from "node:assert/strict";
import { ChainError, runChain } from "../../../src/mediation/mapping/chain/mapping_chain.ts";
import { checkMapping } from "../../../src/mediation/mapping/mapping_check.ts";
import { settled } from "../../../src/mediation/mapping/chain/pending_mapping.ts";
import type { Plugin } from "../../../src/mediation/mapping/plugin.ts";
import type { TemplateMapping } from "../../../src/mediation/mapping/template_mapping.ts";
import { IsolatedPlugin } from "../../../src/plugin_process/isolated_plugin.ts";
import { PluginHost } from "../../../src/plugin_process/plugin_host.ts";
import { WORK } from "../../../src/proxy/session/session_parts.ts";
import { deliver } from "../../support/delivered.ts";
import { DialectChecker } from "../../support/dialect_checker.ts";
import { rewriteAll } from "../../support/rewrite_all.ts";
import { defaultPlugins, mediatorOf } from "../../support/session.ts";
import { join } from "../../support/messages/wire.ts";
import { COLLECTOR_NAMES, collectorOf } from "../input/collectors.ts";
import { Exporter } from "../input/exporter.ts";
import { ASKED, drawEdit, type Edit, spoil } from "../input/garbage.ts";
import type { Meter } from "../meter.ts";
import type { Random } from "../input/random.ts";
import { simplerMessages, without } from "../input/simpler_messages.ts";
import { measured, reachStates } from "../stream_case.ts";
import type { Target } from "./target.ts";

/** What a plugin's own process does instead of answering well. */
const MISDEEDS = [
  "return JSON.parse(options.answer);",
  "return Object.assign(Object.create(null), JSON.parse(options.answer));",
  "const answer = { ...mapping }; answer.fields = [answer]; return answer;",
  `Deno.stdout.writeSync(new TextEncoder().encode(options.answer + "\\n")); return mapping;`,
  `Deno.stdout.writeSync(new TextEncoder().encode('{"value":' + options.answer + '}\\n')); return mapping;`,
  `Deno.stdout.writeSync(new TextEncoder().encode("x".repeat(5_000_000))); return mapping;`,
  "Deno.stdout.writeSync(new Uint8Array([0xff, 0xfe, 10, 10, 10])); return mapping;",
  "for (const end = Date.now() + 700; Date.now() < end;); return mapping;",
  "setTimeout(() => Deno.exit(3), 1); return mapping;",
  "Deno.exit(0);",
  "throw JSON.parse(options.answer);",
  "throw undefined;",
  "queueMicrotask(() => { throw 1; }); return mapping;",
] as const;

/** A plugin's answers for the templates of a session. */
export interface PluginCase {
  readonly collector: string;
  /**
   * Index of the misdeed of a process of its own; undefined: the plugin runs in this one, and its answers are spoilt.
   */
  readonly misdeed?: number;
  /** Which of its answers are spoilt: each so many; the others are good. */
  readonly every: number;
  readonly edits: readonly Edit[];
  readonly answer: string;
  readonly messages: readonly Uint8Array[];
}

const TIMEOUT = 500;

/** Answers of plugins: garbage, huge ones, cycles, late ones, from this process and from one of their own. */
export const pluginsTarget: Target<PluginCase> = {
  name: "plugins",
  share: 1,
  draw: drawPluginCase,
  octetsOf: ({ messages, answer }) => messages.reduce((sum, { length }) => sum + length, answer.length),
  run: (one, meter) => one.misdeed === undefined ? runInside(one, meter) : runOutside(one, meter),
  *simpler(one) {
    for (const edits of without(one.edits)) yield { ...one, edits };
    for (const messages of simplerMessages(one.messages)) yield { ...one, messages };
  },
};

function drawPluginCase(random: Random): PluginCase {
  const exporter = new Exporter(random, { lies: 0, longest: 3_000 });
  const answers = ["{}", "null", "5", `{"fields":[]}`, `{"fields":[{}]}`, "[".repeat(3_000), `"${"x".repeat(9_000)}"`];
  return {
    collector: random.pick(COLLECTOR_NAMES),
    ...(random.oneIn(80) ? { misdeed: random.below(MISDEEDS.length) } : {}),
    every: random.pick([1, 2, 3]),
    edits: random.list(random.between(1, 4), () => drawEdit(random)),
    answer: random.pick(answers),
    messages: [
      ...random.list(3, () => exporter.announce(1)),
      ...random.list(random.between(1, 6), () => exporter.next()),
    ],
  };
}

/** A mapping that can be changed. */
function copyOf({ source, fields, stripped }: TemplateMapping): TemplateMapping {
  return structuredClone({ source, fields, ...(stripped === undefined ? {} : { stripped }) });
}

function runInside(one: PluginCase, meter: Meter): void {
  const profile = collectorOf(one.collector);
  let asked = 0;
  const plugin: Plugin = {
    name: "own",
    rewrite(mapping) {
      assert.ok(isFrozen(mapping), "what it was given cannot change");
      const answer = copyOf(mapping);
      if (asked++ % one.every === 0) { for (const edit of one.edits) spoil(answer, edit); }
      return answer;
    },
  };
  const mediator = mediatorOf(profile, { plugins: [plugin, ...defaultPlugins(profile)] });
  const octets = join(...one.messages);
  const { session, events } = open(mediator);
  try {
    const rewritten = rewriteAll(measured(session, meter), octets, { work: WORK });
    deliver(rewritten.output);
    new DialectChecker(profile).writes("only", rewritten.writes);
    for (const { event, message = "" } of events) {
      assert.ok(!message.includes(ASKED), message);
      meter.reach(event);
    }
    reachStates(session, meter);
  } finally {
    session.close();
  }
}

function isFrozen(mapping: TemplateMapping): boolean {
  return [mapping, mapping.fields, mapping.source.fields, ...mapping.fields].every((part) => Object.isFrozen(part));
}

function open(mediator: ReturnType<typeof mediatorOf>) {
  const events: { readonly event: string; readonly message?: string }[] = [];
  return { session: mediator.open({ reliable: true, notify: (event) => events.push(event) }), events };
}

async function runOutside({ collector, misdeed = 0, answer, messages }: PluginCase, meter: Meter): Promise<void> {
  const profile = collectorOf(collector);
  const code = `export default { name: "own", summary: "", options: { safeParse: (data) => ({ success: true, data }) },
  create: (options) => ({ name: "own", rewrite: (mapping) => { ${MISDEEDS[misdeed]} } }) };`;
  const process = new PluginHost().process("own", `data:text/javascript,${encodeURIComponent(code)}`);
  const { session } = open(mediatorOf(profile));
  try {
    const hello = await process.start();
    assert.ok("value" in hello, JSON.stringify(hello));
    const plugin = new IsolatedPlugin("own", process, TIMEOUT, profile, { answer });
    await plugin.created;
    rewriteAll(session, join(...messages));
    const sources = session.templates().flatMap(({ mapping }) => mapping === undefined ? [] : [mapping.source]);
    for (const source of sources.slice(0, 2)) {
      try {
        const mapping = await settled(() => runChain(source, { profile, plugins: [plugin] }, { exporterFamily: 4 }));
        checkMapping(mapping);
        meter.reach("answered");
      } catch (error) {
        if (!(error instanceof ChainError)) throw error;
        meter.reach(`failed: ${error.message.replace(/[0-9]+|".*/g, "#").slice(0, 60)}`);
      }
    }
  } finally {
    session.close();
    process.close();
  }
}
