/** Writes `config/proxy.schema.json`: run `deno task schema` after a change of the schema. */
import { configurationJsonSchemaText } from "./json_schema.ts";

Deno.writeTextFileSync(new URL("../../../config/proxy.schema.json", import.meta.url), configurationJsonSchemaText());
