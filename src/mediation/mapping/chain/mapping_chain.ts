import { errorMessage } from "../../../error_message.ts";
import type { Template } from "../../../ipfix/record/template.ts";
import { fitToDialect } from "./dialect_fit.ts";
import { checkMapping } from "../mapping_check.ts";
import { freezeDeep, freezeMapping, freezeProfile, readMapping } from "../mapping_data.ts";
import { isPending } from "./pending_mapping.ts";
import type { PluginContext } from "../plugin.ts";
import { selectTemplate } from "../profile/profile.ts";
import { identity, type TemplateMapping } from "../template_mapping.ts";
import { complete, endStep, type Steps } from "./steps.ts";
import type { Treatment } from "./treatment.ts";

/**
 * A plugin threw, or returned a mapping that cannot be compiled. `plugin` is `dialect` if the fault shows only after
 * the last plugin.
 */
export class ChainError extends Error {
  override readonly name = "ChainError";

  constructor(readonly plugin: string, cause: unknown) {
    super(errorMessage(cause), { cause });
  }
}

/** Facts about a template's exporter. */
export interface ChainFacts {
  readonly detectedProfile?: string;
  readonly exporterFamily: 4 | 6 | undefined;
}

/**
 * Maps one source template for one collector: `identity(source) → plugin → plugin → … → dialect`. Every step is
 * checked as data, and a plugin cannot change what it is given.
 *
 * @throws ChainError, which names the plugin
 * @throws PendingMapping where a plugin in a process of its own has not answered yet
 */
export function runChain(source: Template, treatment: Treatment, facts: ChainFacts): TemplateMapping {
  return complete(chainSteps(source, treatment, facts));
}

/** As {@link runChain}, a plugin at a time. */
export function* chainSteps(
  source: Template,
  { profile, plugins }: Treatment,
  facts: ChainFacts,
): Steps<TemplateMapping> {
  const { length } = source.fields;
  const expected = selectTemplate(profile, source);
  const context: PluginContext = Object.freeze({
    profile: freezeProfile(profile),
    ...facts,
    ...(expected === undefined ? {} : { expected: freezeDeep(expected) }),
  });
  let mapping = identity(source);
  let checked: TemplateMapping | undefined;
  // Fields that a plugin left unchanged need no second check.
  const check = (next: TemplateMapping) => {
    if (next !== checked) checkMapping(next);
    checked = next;
  };
  yield* endStep(length);
  for (const plugin of plugins) {
    try {
      mapping = readMapping(plugin.rewrite(freezeMapping(mapping), context), mapping);
      check(mapping);
    } catch (error) {
      if (isPending(error)) throw error;
      throw new ChainError(plugin.name, error);
    }
    yield* endStep(length);
  }
  try {
    const fitted = source.scopeFieldCount > 0 && !profile.dialect.optionsTemplates
      ? mapping
      : fitToDialect(mapping, profile, expected !== undefined);
    check(fitted);
    return fitted;
  } catch (error) {
    throw new ChainError("dialect", error);
  }
}
