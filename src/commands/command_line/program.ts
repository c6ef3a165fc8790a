import { Command, CommanderError } from "commander";
import { VERSION } from "../../version.ts";
import { CommandFailure, EXIT } from "./command_failure.ts";
import { errorMessage } from "../../error_message.ts";
import { loadCommands } from "./commands.ts";
import { painter, say, terminalWidth } from "../../terminal/terminal.ts";

/**
 * Runs one command line and gives its exit status. Never throws, never exits.
 *
 * @param args as after the program's name: `["explain", "--from", "antrea/v2.0", …]`
 */
export async function run(args: readonly string[]): Promise<number> {
  try {
    await createProgram(await loadCommands(args)).parseAsync(args, { from: "user" });
    return EXIT.DONE;
  } catch (error) {
    return report(error);
  }
}

function createProgram(commands: readonly Command[]): Command {
  const program = new Command("ipfix-skew-proxy")
    .description("A transparent IPFIX proxy between exporters and a collector of another release.")
    .version(VERSION, "-V, --version", "show the version")
    .helpOption("-h, --help", "show what can be given")
    .helpCommand("help [command]", "show what can be given to a command")
    .showHelpAfterError("(--help shows what can be given)");
  configure(program);
  for (const command of commands) {
    command.copyInheritedSettings(program);
    configure(command);
    program.addCommand(command.helpOption("-h, --help", "show what can be given"));
  }
  return program;
}

function configure(command: Command): void {
  // The parser's own 40 columns for descriptions are more than a terminal of 60 has beside the longest option.
  command.exitOverride().allowExcessArguments(false).configureHelp({ minWidthToWrap: 20 }).configureOutput({
    getOutHelpWidth: terminalWidth,
    getErrHelpWidth: terminalWidth,
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  });
}

function report(error: unknown): number {
  // Commander has said what was wrong already; asking for help or the version is no failure.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.DONE : EXIT.USAGE;
  // Whoever read standard output has what they wanted: `explain … | head`.
  if (error instanceof Deno.errors.BrokenPipe) return EXIT.FAILED;
  if (error instanceof CommandFailure) {
    if (error.message !== "") say(error.message);
    return error.exitStatus;
  }
  const paint = painter(Deno.stderr.isTerminal() && !Deno.noColor);
  say(`${paint("red", "error:")} ${errorMessage(error)}`);
  if (error instanceof Error && error.stack !== undefined) say(paint("dim", error.stack));
  return EXIT.FAILED;
}
