/** Writes `config/proxy.schema.json`: run by `deno task schema` whenever what may be configured has changed. */
import { configurationJsonSchemaText } from "./json_schema.ts";

Deno.writeTextFileSync(new URL("../../config/proxy.schema.json", import.meta.url), configurationJsonSchemaText());
