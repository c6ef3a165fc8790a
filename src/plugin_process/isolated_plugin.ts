import { errorMessage } from "../error_message.ts";
import { mappingData, readMapping } from "../mediation/mapping/mapping_data.ts";
import { PendingMapping } from "../mediation/mapping/chain/pending_mapping.ts";
import type { Plugin, PluginContext } from "../mediation/mapping/plugin.ts";
import type { Profile } from "../mediation/mapping/profile/profile.ts";
import type { TemplateMapping } from "../mediation/mapping/template_mapping.ts";
import type { PluginProcess } from "./plugin_process.ts";
import { profileData } from "./profile_data.ts";
import { type Answer, type Question, writeOptions } from "./protocol.ts";
import type { RememberedAnswer } from "./remembered_answers.ts";

/** Milliseconds after which a plugin is asked again about a template that it failed on. */
const FAILURE_STANDS = 10_000;
/** Milliseconds for its creation, which may load what the module needs. */
const CREATION_TIMEOUT = 10_000;

/** Fields of the largest template that a process is asked about. Agents have some 50. */
const MOST_FIELDS = 4096;

let instances = 0;

/** A plugin whose module runs in a process of its own. It answers from memory; what it has to ask for is pending. */
export class IsolatedPlugin implements Plugin {
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
    const creation: Question = {
      ask: "create",
      instance: this.#instance,
      options: writeOptions(options),
      profile: profileData(profile),
    };
    this.created = process.ask(creation, Math.max(timeout, CREATION_TIMEOUT));
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
    const answer = this.process.answers.get(key) ?? this.#ask(key, question, mapping);
    if (answer instanceof Promise) throw new PendingMapping(answer);
    if ("mapping" in answer) return answer.mapping;
    throw new Error(answer.error);
  }

  #ask(key: string, question: Question, mapping: TemplateMapping): Promise<void> {
    const { answers } = this.process;
    const settled = this.process.ask(question, this.timeout).then((answer) => {
      const read = readAnswer(answer, mapping);
      answers.set(key, read, "error" in read ? performance.now() + FAILURE_STANDS : Infinity);
    });
    answers.set(key, settled);
    return settled;
  }
}

/** Keeps nothing of an answer that is not part of a mapping. */
function readAnswer(answer: Answer, given: TemplateMapping): Exclude<RememberedAnswer, Promise<void>> {
  if ("error" in answer) return answer;
  if (!("value" in answer)) return { error: "it refused its options" };
  try {
    return { mapping: readMapping(answer.value, given) };
  } catch (error) {
    return { error: errorMessage(error) };
  }
}
