/** Writes the tables of the documents anew from the code that they describe. */
import { documentBlocks, withBlocks } from "./document_blocks.ts";

for (const [path, blocks] of Object.entries(await documentBlocks())) {
  const url = new URL(`../../${path}`, import.meta.url);
  await Deno.writeTextFile(url, withBlocks(await Deno.readTextFile(url), blocks));
}
