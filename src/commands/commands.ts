import type { Command } from "commander";
import { explainCommand } from "./explain.ts";
import { inspectCommand } from "./inspect.ts";
import { checkCommand } from "./check.ts";
import { demoCommand } from "./demo.ts";
import { statusCommand } from "./status.ts";
import { rewriteCommand } from "./rewrite.ts";
import { serveCommand } from "./serve.ts";
import { matrixCommand } from "./matrix.ts";

/** Every command, in the order in which the help lists them. */
export const COMMANDS: readonly (() => Command)[] = [
  serveCommand,
  checkCommand,
  demoCommand,
  explainCommand,
  matrixCommand,
  rewriteCommand,
  inspectCommand,
  statusCommand,
];
