import { errorMessage } from "../error_message.ts";
import { mappingData, readMapping } from "../mediation/mapping/mapping_data.ts";
import { PendingMapping } from "../mediation/mapping/chain/pending_mapping.ts";
import type { Plugin, PluginContext } from "../mediation/mapping/plugin.ts";
import type { Profile } from "../mediation/mapping/profile/profile.ts";
import type { TemplateMapping } from "../mediation/mapping/template_mapping.ts";
import type { PluginProcess } from "./plugin_process.ts";
import { profileData } from "./profile_data.ts";
import { type Answer, type Question, writeOptions } from "./protocol.ts";

/** Answers that are remembered. Mappings that the core has compiled are remembered there as well. */
const ANSWERS = 1024;
/** Octets of all answers that are remembered, about: a line of the process may have 4 MiB. */
const ANSWER_OCTETS = 32 * 1024 * 1024;
/** Octets that a field of a mapping takes, about, besides those of its constant. */
const FIELD_OCTETS = 400;
/** Milliseconds after which a plugin is asked again about a template that it failed on. */
const FAILURE_STANDS = 10_000;

/** Fields of the largest template that a process is asked about. Agents have some 50. */
const MOST_FIELDS = 4096;

/** What an answer comes to, and until when it stands. */
interface Remembered {
  readonly answer: { readonly mapping: TemplateMapping } | { readonly error: string } | Promise<void>;
  readonly until: number;
  /** About. */
  readonly octets: number;
}

let instances = 0;

/** A plugin whose module runs in a process of its own. It answers from memory; what it has to ask for is pending. */
export class IsolatedPlugin implements Plugin {
  readonly #answers = new Map<string, Remembered>();
  #octets = 0;
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
    if (known === undefined || known.until < performance.now()) {
      throw new PendingMapping(this.#ask(key, question, mapping));
    }
    if ("mapping" in known.answer) return known.answer.mapping;
    throw new Error(known.answer.error);
  }

  #ask(key: string, question: Question, mapping: TemplateMapping): Promise<void> {
    const settled = this.process.ask(question, this.timeout).then((answer) => {
      const read = readAnswer(answer, mapping);
      const isMapping = "mapping" in read;
      this.#remember(key, {
        answer: read,
        until: isMapping ? Infinity : performance.now() + FAILURE_STANDS,
        octets: key.length + (isMapping ? octetsOf(read.mapping) : read.error.length),
      });
    });
    this.#remember(key, { answer: settled, until: Infinity, octets: key.length });
    return settled;
  }

  #remember(key: string, answer: Remembered): void {
    this.#octets += answer.octets - (this.#answers.get(key)?.octets ?? 0);
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    for (const [oldest, { octets }] of this.#answers) {
      if (this.#answers.size <= ANSWERS && (this.#octets <= ANSWER_OCTETS || this.#answers.size === 1)) return;
      this.#octets -= octets;
      this.#answers.delete(oldest);
    }
  }
}

const CREATION_TIMEOUT = 10_000;

/** Keeps nothing of an answer that is not part of a mapping. */
function readAnswer(answer: Answer, given: TemplateMapping): Exclude<Remembered["answer"], Promise<void>> {
  if ("error" in answer) return answer;
  if (!("value" in answer)) return { error: "it refused its options" };
  try {
    return { mapping: readMapping(answer.value, given) };
  } catch (error) {
    return { error: errorMessage(error) };
  }
}

function octetsOf({ fields }: TemplateMapping): number {
  return fields.reduce(
    (sum, { value }) => sum + FIELD_OCTETS + (value.from === "constant" ? value.octets.length : 0),
    0,
  );
}
