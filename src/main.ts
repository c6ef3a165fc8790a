import { run } from "./commands/program.ts";

if (import.meta.main) Deno.exit(await run(Deno.args));
