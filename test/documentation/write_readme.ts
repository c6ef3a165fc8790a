/** Writes the README's tables anew from the code they tell of. */
import { readmeBlocks, withBlocks } from "./readme_blocks.ts";

const path = new URL("../../README.md", import.meta.url);
await Deno.writeTextFile(path, withBlocks(await Deno.readTextFile(path), await readmeBlocks()));
