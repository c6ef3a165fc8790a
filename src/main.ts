import { run } from "./commands/command_line/program.ts";

if (import.meta.main) Deno.exit(await run(Deno.args));
