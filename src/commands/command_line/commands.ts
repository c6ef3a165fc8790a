import type { Command } from "commander";

/**
 * Every command by name, in the order of the help. Each is loaded on demand, because `serve` starts a fifth faster
 * without the modules of the others.
 */
export const COMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ["serve", async () => (await import("../proxy/serve.ts")).serveCommand()],
  ["check", async () => (await import("../proxy/check.ts")).checkCommand()],
  ["demo", async () => (await import("../upgrade/demo.ts")).demoCommand()],
  ["explain", async () => (await import("../upgrade/explain.ts")).explainCommand()],
  ["matrix", async () => (await import("../upgrade/matrix.ts")).matrixCommand()],
  ["rewrite", async () => (await import("../ipfix_files/rewrite.ts")).rewriteCommand()],
  ["inspect", async () => (await import("../ipfix_files/inspect.ts")).inspectCommand()],
  ["profile", async () => (await import("../extending/profile.ts")).profileCommand()],
  ["status", async () => (await import("../proxy/status.ts")).statusCommand()],
  ["plan", async () => (await import("../upgrade/plan.ts")).planCommand()],
  ["drain", async () => (await import("../proxy/drain.ts")).drainCommand()],
  ["plugin", async () => (await import("../extending/plugin.ts")).pluginCommand()],
  ["restore", async () => (await import("../upgrade/restore.ts")).restoreCommand()],
]);

/**
 * Loads the command that a command line names, or all of them where it names none, for the help and for suggestions.
 */
export function loadCommands([name = ""]: readonly string[]): Promise<Command[]> {
  const load = COMMANDS.get(name);
  return Promise.all(load === undefined ? [...COMMANDS.values()].map((each) => each()) : [load()]);
}
