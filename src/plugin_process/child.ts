/**
 * What runs in a plugin's process: it may read the plugin's own modules and nothing else, and answers questions about
 * one plugin. It imports the plugin's module itself: only what is imported at run time, by a name that Deno cannot know
 * before, is subject to permissions, with all that it imports in turn.
 *
 * @module
 */
import { checkOptions, creationMistakes } from "../config/yaml/plugin_options.ts";
import { errorMessage } from "../error_message.ts";
import { freezeDeep, freezeProfile, mappingData, mappingOf, readMapping } from "../mediation/mapping/mapping_data.ts";
import {
  isPlugin,
  isPluginDefinition,
  type Plugin,
  PLUGIN_API_VERSION,
  type PluginDefinition,
} from "../mediation/mapping/plugin.ts";
import type { Profile } from "../mediation/mapping/profile/profile.ts";
import { profileOf } from "./profile_data.ts";
import { onLateError } from "./late_errors.ts";
import { redirectConsole } from "./plugin_console.ts";
import { type Answer, type Numbered, type Question, readOptions } from "./protocol.ts";
import { type Bounds, startWatchdog } from "./watchdog.ts";

const { stdin, stdout, stderr } = Deno;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

redirectConsole((text) => writeAll(stderr, `${text}\n`));

// What a plugin leaves behind must not cost the next template.
onLateError((reason) => writeAll(stderr, `after it had answered: ${errorMessage(reason)}\n`));

/** Those that it was sent, by their numbers. */
const profiles: Profile[] = [];

/** One instance of the plugin. */
interface Instance {
  readonly plugin: Plugin;
  readonly profile: Profile;
}

/**
 * Answers questions until standard input ends.
 *
 * @param specifier the plugin's module
 * @param bounds what ends the process
 */
export async function servePlugin(specifier: string, bounds: Bounds): Promise<void> {
  const tell = startWatchdog(bounds);
  let definition: unknown;
  try {
    definition = (await import(specifier)).default;
  } catch (error) {
    return answer({ error: errorMessage(error).slice(0, 2000) });
  }
  if (!isPluginDefinition(definition)) {
    return answer({ error: "it has no plugin as its default export (name, summary, options: a zod schema, create)" });
  }
  const { name, summary, apiVersion = PLUGIN_API_VERSION } = definition;
  if (apiVersion !== PLUGIN_API_VERSION) {
    return answer({ error: `it is written for version ${apiVersion} of the plugin contract (${PLUGIN_API_VERSION})` });
  }
  answer({ value: { name, summary } });
  const instances = new Map<number, Instance>();
  tell(false);
  for await (const line of lines()) {
    tell(true);
    const { number, ...question } = JSON.parse(line) as Numbered<Question>;
    answer(reply(definition, instances, question as Question), number);
    tell(false);
  }
}

function reply(definition: PluginDefinition, instances: Map<number, Instance>, question: Question): Answer {
  try {
    if (question.ask === "create") return create(definition, instances, question);
    const { instance, mapping, expected, exporterFamily, detectedProfile } = question;
    const { plugin, profile } = instances.get(instance) ?? {};
    if (plugin === undefined || profile === undefined) return { error: "it was not created" };
    const list = expected === undefined ? undefined : profile.templates[expected];
    const given = freezeDeep(mappingOf(mapping));
    const result = plugin.rewrite(given, {
      profile,
      exporterFamily,
      ...(detectedProfile === undefined ? {} : { detectedProfile }),
      ...(list === undefined ? {} : { expected: list }),
    });
    return { value: mappingData(readMapping(result, given)) };
  } catch (error) {
    return { error: errorMessage(error).slice(0, 2000) };
  }
}

function create(
  definition: PluginDefinition,
  instances: Map<number, Instance>,
  { instance, options: written, profile }: Question & { ask: "create" },
): Answer {
  const shared = typeof profile === "number" ? profiles[profile] : freezeProfile(profileOf(profile));
  if (shared === undefined) return { error: `it was not sent profile ${profile}` };
  if (typeof profile !== "number") profiles.push(shared);
  const options = readOptions(written);
  const checked = checkOptions(definition, options);
  const { mistakes, right } = checked;
  if (right === undefined) return { mistakes };
  let plugin: unknown;
  try {
    plugin = definition.create(right.value, shared);
  } catch (error) {
    return { mistakes: [...mistakes, ...creationMistakes(error, options, checked)] };
  }
  if (mistakes.length > 0) return { mistakes };
  if (!isPlugin(plugin)) {
    return { error: "it created no plugin (an object with name and rewrite)" };
  }
  instances.set(instance, { plugin, profile: shared });
  return { value: null };
}

async function* lines(): AsyncGenerator<string> {
  const chunk = new Uint8Array(64 * 1024);
  const parts: string[] = [];
  for (;;) {
    const length = await stdin.read(chunk);
    if (length === null) return;
    const lines = decoder.decode(chunk.subarray(0, length), { stream: true }).split("\n");
    for (const [at, part] of lines.entries()) {
      if (at > 0) yield parts.splice(0).join("");
      parts.push(part);
    }
  }
}

function answer(value: Answer, number = 0): void {
  writeAll(stdout, `${JSON.stringify({ ...value, number } satisfies Numbered<Answer>)}\n`);
}

function writeAll(writer: { writeSync(octets: Uint8Array): number }, text: string): void {
  const octets = encoder.encode(text);
  for (let written = 0; written < octets.length;) written += writer.writeSync(octets.subarray(written));
}
