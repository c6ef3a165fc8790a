import type { Command } from "commander";

/**
 * Every command by its name, in the order in which the help lists them. Each is loaded when it is asked for: `serve` is ready a fifth
 * sooner without the modules of the others.
 */
export const COMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ["serve", async () => (await import("../serve.ts")).serveCommand()],
  ["check", async () => (await import("../check.ts")).checkCommand()],
  ["demo", async () => (await import("../demo.ts")).demoCommand()],
  ["explain", async () => (await import("../explain.ts")).explainCommand()],
  ["matrix", async () => (await import("../matrix.ts")).matrixCommand()],
  ["rewrite", async () => (await import("../rewrite.ts")).rewriteCommand()],
  ["inspect", async () => (await import("../inspect.ts")).inspectCommand()],
  ["profile", async () => (await import("../profile.ts")).profileCommand()],
  ["status", async () => (await import("../status.ts")).statusCommand()],
  ["drain", async () => (await import("../drain.ts")).drainCommand()],
]);

/** The command that a command line names; all of them where it names none, for the help and for what was misspelt. */
export function loadCommands([name = ""]: readonly string[]): Promise<Command[]> {
  const load = COMMANDS.get(name);
  return Promise.all(load === undefined ? [...COMMANDS.values()].map((each) => each()) : [load()]);
}
