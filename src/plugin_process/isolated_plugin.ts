import { mappingData } from "../mediation/mapping/mapping_data.ts";
import { PendingMapping } from "../mediation/mapping/chain/pending_mapping.ts";
import type { Plugin, PluginContext } from "../mediation/mapping/plugin.ts";
import type { Profile } from "../mediation/mapping/profile/profile.ts";
import type { TemplateMapping } from "../mediation/mapping/template_mapping.ts";
import type { PluginProcess } from "./plugin_process.ts";
import { profileData } from "./profile_data.ts";
import { type Answer, type Question, writeOptions } from "./protocol.ts";

/** Answers that are remembered. Mappings that the core has compiled are remembered there as well. */
const ANSWERS = 1024;
/** Milliseconds after which a plugin is asked again about a template that it failed on. */
const FAILURE_STANDS = 10_000;

/** Fields of the largest template that a process is asked about. Agents have some 50. */
const MOST_FIELDS = 4096;

/** An answer, and until when it stands. */
interface Remembered {
  readonly answer: Answer | Promise<void>;
  readonly until: number;
}

let instances = 0;

/** A plugin whose module runs in a process of its own. It answers from memory; what it has to ask for is pending. */
export class IsolatedPlugin implements Plugin {
  readonly #answers = new Map<string, Remembered>();
  readonly #instance = ++instances;
  /** How the process took the plugin's options. */
  readonly created: Promise<Answer>;

  constructor(
    readonly name: string,
    readonly process: PluginProcess,
    readonly timeout: number,
    readonly profile: Profile,
    options: unknown,
  ) {
    const question: Question = {
      ask: "create",
      instance: this.#instance,
      options: writeOptions(options),
      profile: profileData(profile),
    };
    // Time to load what the module needs; it is not the time that a template takes.
    this.created = process.ask(question, Math.max(timeout, CREATION_TIMEOUT));
  }

  /** @throws PendingMapping, or Error with what the plugin or its process did wrong */
  rewrite(mapping: TemplateMapping, context: PluginContext): TemplateMapping {
    // What takes long to ask would cost the process its time or memory, and with it the templates of others.
    const { length } = mapping.source.fields;
    if (length > MOST_FIELDS) {
      throw new Error(`a process of its own takes at most ${MOST_FIELDS} fields, not ${length}`);
    }
    const { detectedProfile, exporterFamily } = context;
    const expected = context.expected === undefined ? -1 : this.profile.templates.indexOf(context.expected);
    const question: Question = {
      ask: "rewrite",
      instance: this.#instance,
      mapping: mappingData(mapping),
      ...(expected < 0 ? {} : { expected }),
      ...(detectedProfile === undefined ? {} : { detectedProfile }),
      ...(exporterFamily === undefined ? {} : { exporterFamily }),
    };
    const key = JSON.stringify(question);
    const known = this.#answers.get(key);
    if (known?.answer instanceof Promise) throw new PendingMapping(known.answer);
    if (known === undefined || known.until < performance.now()) throw new PendingMapping(this.#ask(key, question));
    if ("value" in known.answer) return known.answer.value as TemplateMapping;
    throw new Error("error" in known.answer ? known.answer.error : "it refused its options");
  }

  #ask(key: string, question: Question): Promise<void> {
    const settled = this.process.ask(question, this.timeout).then((answer) => {
      const until = "value" in answer ? Infinity : performance.now() + FAILURE_STANDS;
      this.#answers.delete(key);
      this.#answers.set(key, { answer, until });
      const [oldest] = this.#answers.keys();
      if (this.#answers.size > ANSWERS && oldest !== undefined) this.#answers.delete(oldest);
    });
    this.#answers.set(key, { answer: settled, until: Infinity });
    return settled;
  }
}

const CREATION_TIMEOUT = 10_000;
