import { Command, CommanderError } from "commander";
import { VERSION } from "../../version.ts";
import { CommandFailure, EXIT } from "./command_failure.ts";
import { errorMessage } from "../../error_message.ts";
import { loadCommands } from "./commands.ts";
import { painter, say, terminalWidth } from "../../terminal/terminal.ts";

/**
 * Runs one command line and returns its exit status. Never throws and never exits.
 *
 * @param args the arguments after the program's name: `["explain", "--from", "antrea/v2.0", …]`
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
    .description("A transparent IPFIX proxy between exporters and a collector of a different release.")
    .version(VERSION, "-V, --version", "show the version")
    .helpOption("-h, --help", "show this help")
    .helpCommand("help [command]", "show the help of a command")
    .showHelpAfterError("(--help shows the options)");
  configure(program);
  for (const command of commands) {
    command.copyInheritedSettings(program);
    configure(command);
    program.addCommand(command.helpOption("-h, --help", "show this help"));
  }
  return program;
}

function configure(command: Command): void {
  // The parser's default minimum of 40 columns does not fit beside the longest option on a terminal of 60 columns.
  command.exitOverride().allowExcessArguments(false).configureHelp({ minWidthToWrap: 20 }).configureOutput({
    getOutHelpWidth: terminalWidth,
    getErrHelpWidth: terminalWidth,
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  });
}

function report(error: unknown): number {
  // Commander has already reported the mistake. Asking for help or the version is not a failure.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.DONE : EXIT.USAGE;
  // The reader of standard output has closed it, as in `explain … | head`.
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
