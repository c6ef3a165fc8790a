import type { Template } from "../../ipfix/template.ts";
import { fitToDialect } from "./dialect_fit.ts";
import { checkMapping } from "./mapping_check.ts";
import type { PluginContext } from "./plugin.ts";
import { selectTemplate } from "./profile.ts";
import { identity, type TemplateMapping } from "./template_mapping.ts";
import type { Treatment } from "./treatment.ts";

/**
 * A plugin threw, or returned a mapping that cannot be compiled. `plugin` is `dialect` if the fault shows only after
 * the last plugin.
 */
export class ChainError extends Error {
  override readonly name = "ChainError";

  constructor(readonly plugin: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** What is known of a template's exporter. */
export interface ChainFacts {
  readonly detectedProfile?: string;
  readonly exporterFamily: 4 | 6 | undefined;
}

/**
 * Maps one source template for one collector: `identity(source) → plugin → plugin → … → dialect`. Every step is
 * checked.
 *
 * @throws ChainError, which names the plugin
 */
export function runChain(source: Template, { profile, plugins }: Treatment, facts: ChainFacts): TemplateMapping {
  const expected = selectTemplate(profile, source);
  const context: PluginContext = { profile, ...facts, ...(expected === undefined ? {} : { expected }) };
  let mapping = identity(source);
  for (const plugin of plugins) {
    try {
      mapping = plugin.rewrite(mapping, context);
      checkMapping(mapping);
      if (mapping.source !== source) throw new Error("the mapping is of another source template");
    } catch (error) {
      throw new ChainError(plugin.name, error);
    }
  }
  try {
    const fitted = source.scopeFieldCount > 0 && !profile.dialect.optionsTemplates
      ? mapping
      : fitToDialect(mapping, profile, expected !== undefined);
    checkMapping(fitted);
    return fitted;
  } catch (error) {
    throw new ChainError("dialect", error);
  }
}
