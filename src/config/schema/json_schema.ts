import { SHIPPED } from "../../../plugins/mod.ts";
import { z } from "../../mediation/mapping/plugin.ts";
import { configurationSchema } from "./configuration_schema.ts";

type JsonSchema = z.core.JSONSchema.BaseSchema;

/**
 * The JSON schema (draft-07) of configuration files, for editors, including the options of shipped plugins. It does not
 * check what only the program can: addresses, names of profiles and elements, and how values fit together.
 */
export function configurationJsonSchema(): JsonSchema {
  const schema = jsonSchema(configurationSchema);
  return {
    ...schema,
    title: "Configuration of ipfix-skew-proxy",
    definitions: { plugin: { anyOf: [...SHIPPED.map(shipped), outside()] } },
  };
}

function jsonSchema(schema: z.ZodType): JsonSchema {
  // What JSON Schema cannot express (integers beyond 2^53) is left open; the program checks it.
  return z.toJSONSchema(schema, { target: "draft-7", io: "input", unrepresentable: "any" });
}

function shipped({ name, summary, options }: (typeof SHIPPED)[number]): JsonSchema {
  const { $schema: _, ...of } = jsonSchema(options);
  return plugin({ use: { const: name, description: summary }, with: of });
}

function outside(): JsonSchema {
  return plugin({
    use: { type: "string", pattern: "^([./]|npm:)", description: "A path, or an npm package." },
    with: {},
  });
}

function plugin(properties: Record<string, JsonSchema>): JsonSchema {
  return { type: "object", properties, required: ["use"], additionalProperties: false };
}

/** The content of `config/proxy.schema.json`. */
export function configurationJsonSchemaText(): string {
  return `${JSON.stringify(configurationJsonSchema(), null, 2)}\n`;
}
